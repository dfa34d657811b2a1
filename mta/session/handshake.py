"""Opens a connection from one source address: TCP, greeting, EHLO, STARTTLS, AUTH, by aiosmtplib.

What fails is returned as a value. The source address is the caller's choice and never changed: if
it cannot be bound, nothing is connected.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from mail.outcome import Broken, Rejected, Stage
from mta.session.cancellation import heed_cancellation
from mta.session.envelope import Offers
from mta.session.errors import BadHelo
from mta.session.flow import Forwarding
from mta.session.login import log_in
from mta.session.replies import SERVICE_UNAVAILABLE, reply_of
from mta.session.settings import Credentials, SessionSettings
from mta.session.tls import certificate_fault, context_for
from mta.session.traced import Listener, Listeners, TracedTransport
from world.network import Network

QUIT_TIMEOUT_S: Final = 5.0  # nothing depends on the reply to QUIT


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends of a connection. Hosts are IP addresses; nothing is looked up."""

    source_ip: str
    host: str
    port: int
    helo: str = ""  # empty: the source IP as an address literal
    mx_name: str = ""  # what its certificate must bear; empty: its address

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


class _Tap(Forwarding):
    """Stands before aiosmtplib's protocol, which drops what comes between two commands."""

    def __init__(self, inner: SMTPProtocol, awaited: bytes = b"") -> None:
        super().__init__(inner)
        self._awaited = awaited  # how the reply begins after which nothing is to come
        self._heard = bytearray()
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self._heard += data
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        super().connection_lost(exc)

    def after_reply(self) -> bytes:
        rest = bytes(self._heard)
        while rest:
            line, _, rest = rest.partition(b"\n")
            if line[3:4] != b"-" and line.startswith(self._awaited):
                break
        return rest


class _Client(aiosmtplib.SMTP):
    """Says QUIT to a server that does not let us in, where aiosmtplib only hangs up.

    It lets a listener hear each transport as soon as aiosmtplib has it: at connecting, and anew
    when TLS begins.
    """

    listener: Listener | None = None
    _wire: asyncio.BaseTransport | None = None

    @property
    def transport(self) -> asyncio.BaseTransport | None:
        return self._wire

    @transport.setter
    def transport(self, found: asyncio.BaseTransport | None) -> None:
        protocol = self.protocol  # without a transport, the connection is lost already
        if self.listener is not None and protocol is not None and protocol.transport and found:
            found = TracedTransport(cast("asyncio.Transport", found), self.listener)
            found.set_protocol(protocol)
            protocol.transport = found
            secure = found.get_extra_info("ssl_object")
            if secure is None:
                self.listener.opened()
            else:
                self.listener.event(f"encrypted by {secure.version()}")
        self._wire = found

    async def starttls(self, **how: Any) -> aiosmtplib.SMTPResponse:
        """As aiosmtplib does it, which wants its own transport to put TLS over."""
        wire = self._wire
        if self.listener is None or self.protocol is None or not isinstance(wire, TracedTransport):
            return await super().starttls(**how)
        self.listener.said(b"STARTTLS\r\n")
        self.protocol.transport = wire.bare
        try:
            return await super().starttls(**how)
        except aiosmtplib.SMTPResponseException:
            if self.protocol is not None:
                self.protocol.transport = wire
            raise

    def close(self) -> None:
        if self.is_connected and self.is_ehlo_or_helo_needed and self.protocol is not None:
            with contextlib.suppress(aiosmtplib.SMTPServerDisconnected):
                self.protocol.write(b"QUIT\r\n")
        super().close()


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection on which messages may be sent: EHLO is answered, TLS and AUTH are done."""

    smtp: _Client
    transport: asyncio.Transport
    offers: Offers
    is_encrypted: bool
    tap: _Tap
    took: Mapping[Stage, float] = field(default_factory=dict)  # seconds of each step until now

    @property
    def is_lost(self) -> bool:
        """Whether it was lost before ``hand_over``; later the new protocol is told."""
        return self.tap.is_lost

    @property
    def listener(self) -> Listener | None:
        """Who hears what is said on it."""
        return self.smtp.listener

    def hand_over(self, protocol: asyncio.Protocol) -> bytes:
        """Let ``protocol`` have the transport; returns what was heard after the last reply."""
        self.transport.set_protocol(protocol)
        return self.tap.after_reply()


async def connect(
    endpoints: Endpoints,
    settings: SessionSettings,
    network: Network,
    listeners: Listeners | None = None,
) -> Connected | Unreachable:
    """Connect, say EHLO, see to TLS and AUTH; ``listeners`` makes who hears it.

    Opportunistic TLS that fails is given up for a connection without it, as RFC 7435 has it.

    Raises:
        ForbiddenDestination: the network does not admit the host.
    """
    network.admit(endpoints.host)
    result = await _connect(endpoints, settings, listeners)
    if (
        settings.tls == "opportunistic"
        and isinstance(result, Broken)
        and result.stage is Stage.STARTTLS
    ):
        result = await _connect(endpoints, replace(settings, tls="off"), listeners)
    if isinstance(result, Broken) and result.stage is Stage.CONNECT:
        error = network.bind_error(endpoints.source_ip)
        if error is not None:
            return SourceUnavailable(endpoints.source_ip, error)
    return result


class _StopWatch:
    """How long each step took that is done."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._took: dict[Stage, float] = {}

    def goes_on(self, done: Stage, following: Stage) -> Stage:
        """One step is done; returns the one that follows."""
        now = self._loop.time()
        self._took[done], self._began = now - self._began, now
        return following

    def tell(self, connected: Connected) -> Connected:
        """The connection with what it took; a step that was left out is none."""
        if not connected.is_encrypted:
            self._took.pop(Stage.STARTTLS, None)
        return replace(connected, took=self._took)


async def _connect(
    endpoints: Endpoints, settings: SessionSettings, listeners: Listeners | None
) -> Connected | Broken | Rejected:
    smtp = _Client(
        hostname=endpoints.host,
        port=endpoints.port,
        local_hostname=endpoints.spoken_name,
        source_address=(endpoints.source_ip, 0),
        timeout=settings.greeting_timeout,
        start_tls=False,
        tls_context=context_for(settings.tls, settings.tls_ca),
    )
    if listeners is not None:
        smtp.listener = listeners(endpoints.host, endpoints.port)
        smtp.listener.event(f"connecting from {endpoints.source_ip}")
    stage = Stage.CONNECT
    watch = _StopWatch()
    result: Connected | Broken | Rejected | None = None
    try:
        try:
            await _open(smtp, settings.connect_timeout)
            stage = watch.goes_on(stage, Stage.EHLO)
            greeted = await _say_ehlo(smtp)
            stage = watch.goes_on(stage, Stage.STARTTLS)
            found = await _secure(smtp, greeted, settings, endpoints.mx_name)
            stage = watch.goes_on(stage, Stage.AUTH)
            if settings.credentials is not None and isinstance(found, Connected):
                found = await _log_in(smtp, found, settings.credentials, endpoints.host)
                watch.goes_on(stage, Stage.MAIL)
        except (aiosmtplib.SMTPException, OSError) as error:
            failure = _failure(error, stage, endpoints.mx_name or endpoints.host)
            if smtp.listener is not None:
                _tell_failure(smtp.listener, failure)
            await _leave(smtp, failure)
            return failure
        heed_cancellation()
        if isinstance(found, Broken):
            if smtp.listener is not None:
                _tell_failure(smtp.listener, found)
            await _leave(smtp, found)
            result = found
        else:
            result = watch.tell(found)
    finally:
        if not isinstance(result, Connected):
            smtp.close()
    return result


def _tell_failure(listener: Listener, failure: Broken | Rejected) -> None:
    if isinstance(failure, Rejected):
        if failure.stage is Stage.GREETING:
            listener.greeted(failure.reply.code, failure.reply.text)
        listener.event(f"not let in: {failure.stage} was answered by {failure.reply.code}")
    else:
        listener.event(f"failed at {failure.stage}: {failure.error}")


async def _leave(smtp: aiosmtplib.SMTP, result: Broken | Rejected) -> None:
    """Take leave of a server with which we could not come to terms."""
    is_closing = isinstance(result, Rejected) and result.reply.code == SERVICE_UNAVAILABLE
    try:
        if smtp.is_connected and not smtp.is_ehlo_or_helo_needed and not is_closing:
            await smtp.quit(timeout=QUIT_TIMEOUT_S)
    except (aiosmtplib.SMTPException, OSError):
        return  # nothing depends on how it answers


async def _open(smtp: _Client, connect_timeout: float) -> None:
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
                greeting = await smtp.connect()
            finally:
                timer.cancel()
            if smtp.listener is not None:
                smtp.listener.greeted(greeting.code, greeting.message)
    except TimeoutError as error:
        if isinstance(error, aiosmtplib.SMTPException):
            raise
        raise aiosmtplib.SMTPConnectTimeoutError(
            f"no connection within {connect_timeout:g} s"
        ) from error


async def _say_ehlo(smtp: _Client) -> Connected:
    """Say EHLO, or HELO to a server that knows no better."""
    protocol = _protocol_of(smtp)
    transport = cast("asyncio.Transport", smtp.transport)
    tap = _Tap(protocol)
    transport.set_protocol(tap)
    try:
        offers = Offers.from_ehlo((await smtp.ehlo()).message)
    except aiosmtplib.SMTPHeloError as error:
        if error.code < 500 or not smtp.is_connected:
            raise
        tap = _Tap(_protocol_of(smtp))
        transport.set_protocol(tap)
        await smtp.helo()
        offers = Offers()
    is_encrypted = transport.get_extra_info("sslcontext") is not None
    return Connected(smtp, transport, offers, is_encrypted, tap)


def _protocol_of(smtp: _Client) -> SMTPProtocol:
    """What reads the connection.

    Raises:
        aiosmtplib.SMTPServerDisconnected: it was lost after the last reply was read and before
            whoever waited for that reply could go on.
    """
    if smtp.protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    return smtp.protocol


async def _secure(
    smtp: _Client, connected: Connected, settings: SessionSettings, mx_name: str
) -> Connected | Broken:
    """The same connection with TLS, where the settings and the server want it."""
    if settings.tls == "off":
        return connected
    is_needed = settings.tls != "opportunistic"
    if not smtp.supports_extension("starttls"):
        if is_needed:
            return Broken(f"TLS is {settings.tls} and the server does not offer it", Stage.STARTTLS)
        return connected
    protocol = _protocol_of(smtp)
    connected.transport.set_protocol(protocol)
    try:
        # Only who is to be believed is asked for by name (SNI).
        await smtp.starttls(server_hostname=mx_name if settings.tls == "required" else None)
    except aiosmtplib.SMTPResponseException as error:
        if is_needed or not smtp.is_connected or error.code == SERVICE_UNAVAILABLE:
            raise
    return await _say_ehlo(smtp)


async def _log_in(
    smtp: _Client, connected: Connected, credentials: Credentials, peer: str
) -> Connected | Broken:
    """The same connection, logged in."""
    tap = _Tap(_protocol_of(smtp), awaited=b"235")
    connected.transport.set_protocol(tap)
    failed = await log_in(smtp, credentials, peer, is_encrypted=connected.is_encrypted)
    return replace(connected, tap=tap) if failed is None else failed


def _failure(
    error: aiosmtplib.SMTPException | OSError, stage: Stage, name: str
) -> Broken | Rejected:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Broken(certificate_fault(error, name), stage)
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
