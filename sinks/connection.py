"""One connection to an SMTP server of ours: aiosmtpd's protocol, made to pipeline and to end well.

What differs from aiosmtpd's own: replies to pipelined commands leave together (RFC 2920), the
message is read in one go, the null sender is known, and peers that leave at once, never read or
never stop cost nobody else anything. What is done with the mail is its subclasses' matter.
"""

import asyncio
import collections
import contextlib
import hmac
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, MutableSet
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

from aiosmtpd.smtp import AuthResult, Envelope, TLSSetupException

from mail.reply import Reply
from sinks import command
from sinks.conversation import Conversation
from sinks.reader import MessageReader

_IDLE_S: Final = 300.0  # RFC 5321, 4.5.3.2.7: a server waits five minutes for the next command
_LINE_MAX: Final = 2048  # RFC 5321 wants 512; long return paths with SMTPUTF8 need more
_REPLIES_HELD_MAX: Final = 64
_LINGER_S: Final = 1.0
_NO_LINGER: Final = struct.pack("ii", 1, 0)  # socket(7): closing throws away and resets
_HELD: Final = (b"250", b"354")  # replies that may wait for those after them
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """What all connections of one server share."""

    name: str  # said in the greeting
    ident: str  # likewise
    size_limit: int  # bytes of a message
    closing: bytes  # said to peers when the server stops
    is_stopping: Callable[[], bool]
    connections: MutableSet["Connection"] = field(default_factory=set)

    async def end_connections(self) -> None:
        """Tell the peers and end their sessions; one that was just accepted is among them."""
        while self.connections:
            for each in list(self.connections):
                await each.close()
            await asyncio.sleep(0)


def login_options(users: Mapping[str, str], *, only_encrypted: bool) -> dict[str, Any]:
    """Options of a Connection that lets these users (name → password) log in.

    That they must, is for ``smtp_MAIL`` to ask: aiosmtpd warns of it where TLS is not required.
    """
    known = {name.encode(): password.encode() for name, password in users.items()}

    def authenticate(
        _server: Any, _session: Any, _envelope: Any, _how: str, data: Any
    ) -> AuthResult:
        expected = known.get(data.login, b"")
        is_right = hmac.compare_digest(expected, data.password) and data.login in known
        return AuthResult(success=is_right, handled=False)

    return {"authenticator": authenticate, "auth_require_tls": only_encrypted}


class Transaction(Envelope):
    """aiosmtpd's envelope; counts what it refused, so that DATA is answered rightly."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0
        self.chunks: list[bytes] | None = None  # of a message that comes by BDAT


class Connection(Conversation):
    """One connection."""

    command_size_limit = _LINE_MAX
    # aiosmtpd's own is one dictionary for all servers, which each EHLO changes.
    command_size_limits = collections.defaultdict(lambda: _LINE_MAX)  # noqa: RUF012

    _paused: bool  # asyncio's own, which its type stubs leave out

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        """``options`` are aiosmtpd's own, such as tls_context and authenticator."""
        super().__init__(
            None,  # the hooks are methods here
            data_size_limit=server.size_limit,
            enable_SMTPUTF8=True,
            hostname=server.name,
            ident=server.ident,
            timeout=_IDLE_S,
            loop=loop,
            **options,
        )
        self._server = server
        self._takes_logins = "authenticator" in options
        self._input = MessageReader(server.size_limit, loop)
        # aiosmtpd made a stream of its own, whose limit is one line.
        asyncio.StreamReaderProtocol.__init__(
            self, self._input, client_connected_cb=self._cb_client_connected, loop=loop
        )
        self.peer_ip = ""
        self.peer_name = ""  # from EHLO
        self._transaction = Transaction()
        self._replies: list[bytes] = []
        self._has_begun = False
        self._has_left = False  # our side of the connection is closed
        self._is_holding = False  # the reply back: the client waits for us, so it is not idle
        self._heard_at = 0.0
        self._began_at = loop.time()

    # --- what subclasses do -----------------------------------------------------------------

    async def begin(self) -> None:
        """Before the greeting."""

    def over(self) -> None:
        """The connection is gone, or as good as gone. May be called twice."""

    def extensions(self) -> list[str]:
        """Lines of the reply to EHLO, after the first."""
        size = f"SIZE {self._server.size_limit}"
        return ["PIPELINING", size, "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"]

    def fault(self, error: Exception) -> str:
        """The reply when a command could not be carried out through our own fault."""
        _log.error("a server failed towards %s", self.peer_ip, exc_info=error)
        return "451 4.3.0 The server failed, which is its own fault"

    # --- the connection ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        name = transport.get_extra_info("peername")
        # Of a peer that is gone again, uvloop cannot say who it was.
        if name is None or self._server.is_stopping():
            cast("asyncio.Transport", transport).abort()
            return
        self._server.connections.add(self)
        self.peer_ip = name[0]
        self.peer_name = ""  # a peer that secured its connection says it anew (RFC 3207, 4.2)
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        if self._handler_coroutine is None:
            return False
        if not self._has_begun:  # cancelled now, it would never come to close the connection
            self._writer.close()
        return super().eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        if self._handler_coroutine is None:
            return
        super().connection_lost(error)
        self._server.connections.discard(self)
        self.over()
        self._replies.clear()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        super().data_received(data)

    async def _handle_client(self) -> None:
        """The whole session."""
        self._has_begun = True
        # A peer that is gone needs no reply; aiosmtpd lets the reset out of its task.
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.begin()
                await self.converse()
        finally:
            self._writer.close()

    async def close(self) -> None:
        """Say that the server goes away, and end the session. Safe to call twice."""
        task, transport = self._handler_coroutine, self._writer.transport
        if not (self._has_left or transport.is_closing()):
            self._replies.append(self._server.closing)
            self._flush()
        transport.close()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if _unsent(transport) > 0:
            transport.abort()  # a peer that does not read must not keep the server alive
        self._forget()

    def _forget(self) -> None:
        """It is over, whatever the transport still says or, in a failed handshake, never will."""
        self._server.connections.discard(self)
        self.over()
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    async def leave(self) -> None:
        """End the session from our side, so that what was said last is read."""
        # A socket closed over unread input is reset, which can take our last reply with it
        # (RFC 1122, 4.2.2.13); so only our side is closed and what still comes is thrown away.
        self.over()
        self._flush()
        transport = self._writer.transport
        if transport.can_write_eof() and not transport.is_closing():
            self._has_left = True
            transport.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    while await self._input.read(65536):
                        pass
        self.drop()

    def drop(self) -> NoReturn:
        """End the session at once."""
        self._flush()
        self._writer.close()
        # Commands that were read ahead must not be carried out: only this leaves aiosmtpd's loop.
        raise asyncio.CancelledError

    def reset(self) -> NoReturn:
        """Tear the connection (RST): the peer sees an error where it would see an end."""
        transport = cast("asyncio.Transport", self._original_transport or self._writer.transport)
        simulated = transport.get_extra_info("reset")
        if simulated is not None:
            simulated()
            raise asyncio.CancelledError
        # The transports lend their sockets without this option; a twin of the descriptor has it.
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
        raise asyncio.CancelledError  # as drop does

    # --- replies ----------------------------------------------------------------------------

    async def push(self, status: str | bytes) -> None:
        """Send a reply; positive ones wait for those that follow in the same turn of the loop."""
        reply = printable(status) if isinstance(status, str) else status
        if self._writer.transport.is_closing():
            raise asyncio.CancelledError  # as drop does: nobody would hear it
        if self._paused:
            await self._writer.drain()  # a peer that does not read is not read from
        if not self._replies:
            self.loop.call_soon(self._flush)
        self._replies.append(reply)
        if not reply.startswith(_HELD):
            self._flush()
        elif len(self._replies) >= _REPLIES_HELD_MAX:
            self._flush()
            await asyncio.sleep(0)  # one that never stops talking is not the only one

    def _flush(self) -> None:
        if self._replies and self.transport is not None:
            self._writer.write(b"\r\n".join(self._replies) + b"\r\n")
            self._replies.clear()

    async def handle_exception(self, error: Exception) -> str:
        return self.fault(error)

    # --- time -------------------------------------------------------------------------------

    @property
    def age_s(self) -> float:
        """Since the connection was made."""
        return self.loop.time() - self._began_at

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Start to watch for silence; one timer a connection, not one a command."""
        self._heard_at = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(duration or _IDLE_S, self._timeout_cb)

    def _timeout_cb(self) -> None:
        left_s = self._heard_at + _IDLE_S - self.loop.time()
        if self._is_holding:
            left_s = _IDLE_S
        if left_s > 0:
            self._timeout_handle = self.loop.call_later(left_s, self._timeout_cb)
        elif self.transport is not None:
            self._replies.append(command.IDLE)
            self._flush()
            transport = self._writer.transport
            transport.close()
            if _unsent(transport) > 0:
                transport.abort()  # it does not read either

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """The client waits for us meanwhile."""
        self._is_holding = True
        try:
            yield
        finally:
            self._is_holding = False
            self._heard_at = self.loop.time()

    # --- commands ---------------------------------------------------------------------------

    def _create_envelope(self) -> Envelope:
        self._transaction = Transaction()
        return self._transaction

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802 - aiosmtpd's
        await self._greet(hostname, is_extended=False)

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802 - aiosmtpd's
        await self._greet(hostname, is_extended=True)

    async def _greet(self, hostname: str | None, *, is_extended: bool) -> None:
        if not hostname or not hostname.isprintable():
            await self.push(command.BAD_EHLO)
            return
        assert self.session is not None
        self.envelope = self._create_envelope()
        self.session.extended_smtp = is_extended
        self.session.host_name = hostname
        self.peer_name = hostname
        lines = [self._server.name, *(self.extensions() if is_extended else ())]
        await self.push(lines_of(Reply(250, "\n".join(lines))))

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        try:
            await super().smtp_STARTTLS(arg or "")
        except (
            TLSSetupException
        ):  # of a protocol that was never connected, nobody tells us the loss
            self._forget()
            if self._original_transport is not None:
                cast("asyncio.Transport", self._original_transport).abort()
            raise asyncio.CancelledError from None

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if self._takes_logins:
            await super().smtp_AUTH(arg or "")
        else:
            await self.push(command.NO_LOGIN)

    @property
    def is_encrypted(self) -> bool:
        return self.session is not None and self.session.ssl is not None

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if arg:
            await self.push(command.BAD_QUIT)
            return
        await self.push(command.QUIT_OK)
        self.drop()


def printable(text: str) -> bytes:
    """A reply of one line: aiosmtpd repeats what a client said, a CR of it too."""
    if text.isprintable():
        return text.encode("utf-8", "replace")
    return "".join(each if each.isprintable() else "?" for each in text).encode("utf-8", "replace")


def quieten() -> None:
    """Aiosmtpd warns of each unknown command on stderr; the client has its reply already."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def _unsent(transport: asyncio.WriteTransport) -> int:
    """Bytes that are still to be written."""
    try:
        return transport.get_write_buffer_size()
    except AttributeError:  # asyncio's TLS transport, closed twice, has let go of its connection
        return 0


def lines_of(reply: Reply) -> bytes:
    """A reply as it is written, without its last line end."""
    *first, last = reply.text.split("\n")
    lines = [f"{reply.code}-{line}" for line in first]
    return "\r\n".join([*lines, f"{reply.code} {last}"]).encode("utf-8", "replace")
