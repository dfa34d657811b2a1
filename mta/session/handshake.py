"""Opens a connection from one source address: TCP, greeting, EHLO, STARTTLS; aiosmtplib does it.

What fails is returned as a value. The source address is the caller's choice and never changed: if
it cannot be bound, nothing is connected.
"""

import asyncio
import functools
import ssl
from dataclasses import dataclass, replace
from typing import cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from mail.outcome import Broken, Rejected, Stage
from mta.session.cancellation import heed_cancellation
from mta.session.envelope import Offers
from mta.session.errors import BadHelo
from mta.session.replies import reply_of
from mta.session.settings import SessionSettings
from world.network import Network


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends of a connection. Hosts are IP addresses; nothing is looked up."""

    source_ip: str
    host: str
    port: int
    helo: str = ""  # empty: the source IP as an address literal

    def __post_init__(self) -> None:
        if not (self.helo.isascii() and self.helo.isprintable()) or " " in self.helo:
            raise BadHelo(self.helo)

    @property
    def spoken_name(self) -> str:
        """What EHLO says (RFC 5321, 4.1.3 for literals)."""
        tag = "IPv6:" if ":" in self.source_ip else ""
        return self.helo or f"[{tag}{self.source_ip}]"


@dataclass(frozen=True, slots=True)
class SourceUnavailable:
    """This host cannot send from the source address: a fault at our end, not the receiver's."""

    source_ip: str
    error: OSError


Unreachable = Broken | Rejected | SourceUnavailable


class _Tap(asyncio.Protocol):
    """Stands before aiosmtplib's protocol, which drops what comes between two commands."""

    def __init__(self, inner: SMTPProtocol) -> None:
        self._inner = inner
        self._heard = bytearray()
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self._inner.data_received(data)

    def eof_received(self) -> bool:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def after_first_reply(self) -> bytes:
        rest = bytes(self._heard)
        while rest:
            line, _, rest = rest.partition(b"\n")
            if line[3:4] != b"-":
                break
        return rest


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection on which the server has answered EHLO."""

    smtp: aiosmtplib.SMTP
    transport: asyncio.Transport
    offers: Offers
    is_encrypted: bool
    tap: _Tap

    @property
    def is_lost(self) -> bool:
        """Whether it was lost before ``hand_over``; later the new protocol is told."""
        return self.tap.is_lost

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let ``protocol`` have the transport; returns what was heard after EHLO's reply."""
        self.transport.set_protocol(protocol)
        return self.tap.after_first_reply()


async def connect(
    endpoints: Endpoints, settings: SessionSettings, network: Network
) -> Connected | Unreachable:
    """Connect and say EHLO.

    Opportunistic TLS that fails is given up for a connection without it, as RFC 7435 has it.

    Raises:
        ForbiddenDestination: the network does not admit the host.
    """
    network.admit(endpoints.host)
    result = await _connect(endpoints, settings)
    if (
        settings.tls == "opportunistic"
        and isinstance(result, Broken)
        and result.stage is Stage.STARTTLS
    ):
        result = await _connect(endpoints, replace(settings, tls="off"))
    if isinstance(result, Broken) and result.stage is Stage.CONNECT:
        error = network.bind_error(endpoints.source_ip)
        if error is not None:
            return SourceUnavailable(endpoints.source_ip, error)
    return result


async def _connect(
    endpoints: Endpoints, settings: SessionSettings
) -> Connected | Broken | Rejected:
    smtp = aiosmtplib.SMTP(
        hostname=endpoints.host,
        port=endpoints.port,
        local_hostname=endpoints.spoken_name,
        source_address=(endpoints.source_ip, 0),
        timeout=settings.greeting_timeout,
        start_tls=False,
        tls_context=_tls_context(),
    )
    stage = Stage.CONNECT
    result: Connected | Broken | Rejected | None = None
    try:
        await _open(smtp, settings.connect_timeout)
        stage = Stage.EHLO
        connected = await _say_ehlo(smtp)
        stage = Stage.STARTTLS
        secured = await _secure(smtp, connected, settings)
        heed_cancellation()
        result = secured
    except (aiosmtplib.SMTPException, OSError) as error:
        result = _failure(error, stage)
    finally:
        if not isinstance(result, Connected):
            smtp.close()
    return result


async def _open(smtp: aiosmtplib.SMTP, connect_timeout: float) -> None:
    """Connect and read the greeting.

    aiosmtplib has one timeout for both, so that ours for TCP runs beside it.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as limit:

            def expire() -> None:
                if smtp.transport is None:
                    limit.reschedule(loop.time())

            timer = loop.call_later(connect_timeout, expire)
            try:
                await smtp.connect()
            finally:
                timer.cancel()
    except TimeoutError as error:
        if isinstance(error, aiosmtplib.SMTPException):
            raise
        raise aiosmtplib.SMTPConnectTimeoutError(
            f"no connection within {connect_timeout:g} s"
        ) from error


async def _say_ehlo(smtp: aiosmtplib.SMTP) -> Connected:
    """Say EHLO, or HELO to a server that knows no better."""
    assert smtp.protocol is not None
    transport = cast("asyncio.Transport", smtp.transport)
    tap = _Tap(smtp.protocol)
    transport.set_protocol(tap)
    try:
        offers = Offers.from_ehlo((await smtp.ehlo()).message)
    except aiosmtplib.SMTPHeloError as error:
        if error.code < 500 or not smtp.is_connected:
            raise
        tap = _Tap(smtp.protocol)
        transport.set_protocol(tap)
        await smtp.helo()
        offers = Offers()
    is_encrypted = transport.get_extra_info("sslcontext") is not None
    return Connected(smtp, transport, offers, is_encrypted, tap)


async def _secure(
    smtp: aiosmtplib.SMTP, connected: Connected, settings: SessionSettings
) -> Connected | Broken | Rejected:
    """The same connection with TLS, where the settings and the server want it."""
    if settings.tls == "off":
        return connected
    if not smtp.supports_extension("starttls"):
        if settings.tls == "required":
            return Broken("TLS is required and the server does not offer it", Stage.STARTTLS)
        return connected
    assert smtp.protocol is not None
    connected.transport.set_protocol(smtp.protocol)
    try:
        await smtp.starttls()
    except aiosmtplib.SMTPResponseException as error:
        if settings.tls == "required" or not smtp.is_connected or error.code == 421:
            raise
    return await _say_ehlo(smtp)


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """Encryption without authentication, as between MX hosts: no name to check is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _failure(error: aiosmtplib.SMTPException | OSError, stage: Stage) -> Broken | Rejected:
    if stage is Stage.CONNECT and _greeting_was_due(error):
        stage = Stage.GREETING
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return Broken(str(error) or type(error).__name__, stage)
    if error.code < 0:  # aiosmtplib's word for what it cannot read
        return Broken(f"protocol error: {error.message}", stage)
    reply = reply_of(error.code, error.message.encode("utf-8", "surrogateescape"))
    if 400 <= error.code < 600:
        return Rejected(reply, stage)
    return Broken(f"protocol error: {stage} was answered by {reply}", stage)


def _greeting_was_due(error: aiosmtplib.SMTPException | OSError) -> bool:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return True
    waited = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError)
    return isinstance(error.__cause__, waited)
