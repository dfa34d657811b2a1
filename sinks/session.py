"""One connection to a sink: aiosmtpd's SMTP protocol, made to pipeline and to follow a state.

What differs from aiosmtpd's own: replies to pipelined commands leave together (RFC 2920), the
message is read in one go, every MAIL, RCPT and end of data is put to ``decide``, and an accepted
message has its receipt before its 250.
"""

import asyncio
import collections
import contextlib
import logging
from collections.abc import Callable, MutableSet
from dataclasses import dataclass
from typing import Final, cast

from aiosmtpd.smtp import SMTP, Envelope

from mail.outcome import Stage
from mail.reply import Reply
from sinks import command
from sinks.inbox import InboxFile
from sinks.personality import (
    Action,
    Answer,
    Connected,
    Disconnected,
    EndOfData,
    Event,
    MailFrom,
    RcptTo,
    SinkState,
    decide,
)
from sinks.reader import MessageReader
from sinks.receipts import Peer, ReceiptLog
from world.clock import Clock

_IDLE_S: Final = 300.0  # RFC 5321, 4.5.3.2.7: a server waits five minutes for the next command
_LINE_MAX: Final = 2048  # RFC 5321 wants 512; long return paths with SMTPUTF8 need more
_RECIPIENTS_MAX: Final = 1000  # RFC 5321, 4.5.3.1.8 wants at least 100
_REPLIES_HELD_MAX: Final = 64
_LINGER_S: Final = 1.0
_HELD: Final = (b"250", b"354")  # replies that may wait for those after them
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """What all sessions of one sink share."""

    mx: str
    size_limit: int
    state: SinkState
    clock: Clock
    receipts: ReceiptLog
    inbox: InboxFile | None
    sessions: MutableSet["SinkSession"]
    is_stopping: Callable[[], bool]


class Transaction(Envelope):
    """aiosmtpd's envelope; counts what it refused, so that DATA is answered rightly."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0


class SinkSession(SMTP):
    """One connection."""

    command_size_limit = _LINE_MAX
    # aiosmtpd's own is one dictionary for all servers, which each EHLO changes.
    command_size_limits = collections.defaultdict(lambda: _LINE_MAX)  # noqa: RUF012

    def __init__(self, post: Post, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            None,  # the hooks are methods here
            data_size_limit=post.size_limit,
            enable_SMTPUTF8=True,
            hostname=post.mx,
            ident="ESMTP mtalab sink",
            timeout=_IDLE_S,
            loop=loop,
        )
        self._post = post
        self._input = MessageReader(post.size_limit, loop)
        # aiosmtpd made a stream of its own, whose limit is one line.
        asyncio.StreamReaderProtocol.__init__(
            self, self._input, client_connected_cb=self._cb_client_connected, loop=loop
        )
        self._peer = Peer("")
        self._transaction = Transaction()
        self._replies: list[bytes] = []
        self._has_begun = False
        self._has_left = False  # our side of the connection is closed
        self._is_counted = False  # among the connections that the personality counts
        self._is_holding = False  # the reply back: the client waits for us, so it is not idle
        self._heard_at = 0.0

    # --- the connection ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        name = transport.get_extra_info("peername")
        # Of a peer that is gone again, uvloop cannot say who it was.
        if name is None or self._post.is_stopping():
            cast("asyncio.Transport", transport).abort()
            return
        self._post.sessions.add(self)
        self._peer = Peer(name[0])
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
        self._post.sessions.discard(self)
        self._uncount()
        self._replies.clear()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        super().data_received(data)

    async def _handle_client(self) -> None:
        """The whole session."""
        self._has_begun = True
        # A peer that is gone needs no reply; aiosmtpd lets the reset out of its task.
        try:
            with contextlib.suppress(ConnectionError):
                answer = self._decide(Connected(self._peer.ip))
                self._is_counted = answer.action is Action.ACCEPT
                await self._hold(answer.delay_s)
                if answer.action is not Action.ACCEPT:
                    await self._refuse(answer, Stage.CONNECT)
                    await self._leave()
                await super()._handle_client()
        finally:
            self._writer.close()

    async def close(self) -> None:
        """Say that the sink goes away, and end the session. Safe to call twice."""
        task, transport = self._handler_coroutine, self._writer.transport
        if not (self._has_left or transport.is_closing()):
            self._replies.append(command.CLOSING)
            self._flush()
        transport.close()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if transport.get_write_buffer_size() > 0:
            transport.abort()  # a peer that does not read must not keep the sink alive

    async def _leave(self) -> None:
        """End the session from our side, so that what was said last is read."""
        # A socket closed over unread input is reset, which can take our last reply with it
        # (RFC 1122, 4.2.2.13); so only our side is closed and what still comes is thrown away.
        self._uncount()
        self._flush()
        transport = self._writer.transport
        if transport.can_write_eof() and not transport.is_closing():
            self._has_left = True
            transport.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    while await self._input.read(65536):
                        pass
        self._drop()

    def _drop(self) -> None:
        """End the session at once."""
        self._flush()
        self._writer.close()
        # Commands that were read ahead must not be carried out: only this leaves aiosmtpd's loop.
        raise asyncio.CancelledError

    def _uncount(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._decide(Disconnected(self._peer.ip))

    # --- replies ----------------------------------------------------------------------------

    async def push(self, status: str | bytes) -> None:
        """Send a reply; positive ones wait for those that follow in the same turn of the loop."""
        reply = status.encode("utf-8", "replace") if isinstance(status, str) else status
        if self._writer.transport.is_closing():
            raise asyncio.CancelledError  # as _drop does: nobody would hear it
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
        """What is said when a command could not be carried out through our own fault."""
        if isinstance(error, OSError):
            return f"452 4.3.1 The sink cannot write its receipt: {error.strerror}"
        _log.error("a sink failed towards %s", self._peer.ip, exc_info=error)
        return "451 4.3.0 The sink failed, which is its own fault"

    # --- time -------------------------------------------------------------------------------

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
            if transport.get_write_buffer_size() > 0:
                transport.abort()  # it does not read either

    async def _hold(self, delay_s: float) -> None:
        if delay_s > 0:
            self._is_holding = True
            await asyncio.sleep(delay_s)
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
        self._peer = Peer(self._peer.ip, hostname, tls=self.session.ssl is not None)
        lines = [self._post.mx]
        if is_extended:
            size = f"SIZE {self._post.size_limit}"
            lines += ["PIPELINING", size, "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        await self.push(_lines(Reply(250, "\n".join(lines))))

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if not self._peer.ehlo:
            await self.push(command.SAY_EHLO)
            return
        transaction = self._transaction
        if transaction.mail_from is not None:
            await self.push(command.NESTED_MAIL)
            return
        path = command.reverse_path(arg, self._post.size_limit)
        if isinstance(path, Reply):
            await self._refuse(_refusing(path), Stage.MAIL)
            return
        answer = self._decide(MailFrom(self._peer.ip, path.address))
        await self._hold(answer.delay_s)
        if answer.action is Action.ACCEPT:
            transaction.mail_from = path.address
            transaction.smtp_utf8 = "SMTPUTF8" in path.parameters
            await self.push(command.MAIL_OK)
        else:
            await self._refuse(answer, Stage.MAIL, path.address)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction = self._transaction
        sender = transaction.mail_from
        if sender is None:
            await self.push(command.NEED_MAIL)
            return
        if len(transaction.rcpt_tos) >= _RECIPIENTS_MAX:
            await self.push(command.TOO_MANY_RECIPIENTS)
            return
        path = command.forward_path(arg, allows_utf8=transaction.smtp_utf8)
        if isinstance(path, Reply):
            transaction.refused += 1
            await self._refuse(_refusing(path), Stage.RCPT, sender)
            return
        answer = self._decide(RcptTo(self._peer.ip, sender, path.address))
        await self._hold(answer.delay_s)
        if answer.action is Action.ACCEPT:
            transaction.rcpt_tos.append(path.address)
            await self.push(command.RCPT_OK)
        else:
            transaction.refused += 1
            await self._refuse(answer, Stage.RCPT, sender, [path.address])

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        transaction = self._transaction
        sender, recipients = transaction.mail_from, transaction.rcpt_tos
        if sender is None:
            await self.push(command.NEED_MAIL)
        elif not recipients:
            await self.push(command.NO_RECIPIENTS if transaction.refused else command.NEED_RCPT)
        elif arg:
            await self.push(command.BAD_DATA)
        else:
            await self.push(command.START_DATA)
            content = await self._input.read_message()
            self.envelope = self._create_envelope()
            if content is None:
                answer = _refusing(command.TOO_LARGE)
            else:
                answer = self._decide(EndOfData(self._peer.ip, sender, recipients))
                await self._hold(answer.delay_s)
            await self._finish(answer, sender, recipients, content)

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if arg:
            await self.push(command.BAD_QUIT)
            return
        await self.push(command.QUIT_OK)
        self._drop()

    # --- deciding and writing down ----------------------------------------------------------

    def _decide(self, event: Event) -> Answer:
        return decide(self._post.state, event, self._post.clock.monotonic())

    async def _finish(
        self, answer: Answer, sender: str, recipients: list[str], content: bytes | None
    ) -> None:
        is_accepted = answer.action in {Action.ACCEPT, Action.ACCEPT_UNHEARD}
        if not is_accepted or content is None:
            await self._refuse(answer, Stage.BODY, sender, recipients)
            return
        post = self._post
        place = None if post.inbox is None else post.inbox.keep(content)
        receipt_id = post.receipts.accepted(
            self._peer, sender, recipients, content, time=post.clock.now(), inbox=place
        )
        if answer.action is Action.ACCEPT_UNHEARD:
            self._drop()
        await self.push(f"250 2.0.0 Accepted as {receipt_id}")

    async def _refuse(
        self,
        answer: Answer,
        stage: Stage,
        sender: str | None = None,
        recipients: list[str] | None = None,
    ) -> None:
        """Write the refusal down, then say it; 421 and no reply at all end the session."""
        reply = None if answer.action is Action.DROP else answer.reply
        try:
            self._post.receipts.refused(
                self._peer,
                stage,
                sender,
                recipients or [],
                None if reply is None else str(reply),
                time=self._post.clock.now(),
            )
        except OSError:  # a refusal needs no proof; the sink behaves as it is told to
            _log.exception("a refusal could not be written down")
        if reply is None:
            self._drop()
        else:
            await self.push(_lines(reply))
            if reply.code == 421:
                await self._leave()


def _refusing(reply: Reply) -> Answer:
    return Answer(Action.REFUSE, reply)


def _lines(reply: Reply) -> bytes:
    *first, last = reply.text.split("\n")
    lines = [f"{reply.code}-{line}" for line in first]
    return "\r\n".join([*lines, f"{reply.code} {last}"]).encode("utf-8", "replace")
