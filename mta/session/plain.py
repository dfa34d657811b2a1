"""The session for servers without PIPELINING: one task in which aiosmtplib says each command."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final

import aiosmtplib

from mail.outcome import Accepted, Answer, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.cancellation import heed_cancellation
from mta.session.dialogue import Ended
from mta.session.envelope import Envelope, fitted, mail_command, rcpt_command, stuffed
from mta.session.flow import PIECE, Pacer, pieces_of
from mta.session.handshake import QUIT_TIMEOUT_S, Connected
from mta.session.hooks import Hooks, Timing
from mta.session.replies import (
    GOES_ON,
    SERVICE_CLOSING,
    SERVICE_UNAVAILABLE,
    ReplyReader,
    reply_of,
)
from mta.session.settings import SessionSettings
from mta.session.steps import BODY
from mta.session.traced import Awaited, Listener, TracedTransport, heard_by

_LOST: Final = (aiosmtplib.SMTPException, OSError)


class PlainSession:
    """One connection; answers are attributed as by ``dialogue``, with one message in flight."""

    def __init__(self, connected: Connected, settings: SessionSettings, hooks: Hooks) -> None:
        self._smtp = connected.smtp
        self._transport = connected.transport
        self._connected = connected
        self._settings = settings
        listener = connected.listener
        self._hooks = hooks if listener is None else heard_by(listener, hooks)
        self._loop = asyncio.get_running_loop()
        self._messages_left = settings.messages_max
        self._woken = asyncio.Event()
        self._in_flight: Envelope | None = None
        self._stage: Stage | None = None  # whose reply is awaited
        self._written_at = 0.0
        self._progress_at = 0.0  # when the server last took something of a body
        self._awaits_since = self._loop.time()
        self._unwritten: deque[bytes] = deque()  # of a body
        self._needs_reset = False
        self._is_stopping = False
        self.answered_count = 0
        self.accepted_count = 0
        self.ended: Ended | None = None

    @property
    def phase(self) -> str:
        """The stage whose reply is awaited, ``idle`` or ``over``, for inspection."""
        if self.ended is not None:
            return "over"
        return self._stage or "idle"

    @property
    def awaits_since(self) -> float:
        """The loop's time at which the step began that is awaited."""
        return max(self._awaits_since, self._progress_at)

    @property
    def messages_since(self) -> tuple[float, ...]:
        """The loop's time at which the message in flight was taken, if there is one."""
        return () if self._in_flight is None else (self._written_at,)

    @property
    def takes_messages(self) -> bool:
        """Whether it will pull again."""
        return not (
            self.ended is not None
            or self._is_stopping
            or self._messages_left == 0
            or self._stage is Stage.QUIT
        )

    async def run(self) -> None:
        """Send until the session ends. Cancelling closes at once.

        Raises: whatever a hook raised.
        """
        self._begin()
        try:
            while self.ended is None:
                heed_cancellation()
                envelope = await self._next()
                if envelope is None:
                    await self._finish()
                else:
                    await self._send(envelope)
        finally:
            self._smtp.close()
            self._abandon()

    def _begin(self) -> None:
        if self._smtp.protocol is None:
            return
        self._pacer = Pacer(self._smtp.protocol)
        self._transport.set_write_buffer_limits(high=PIECE)
        for code, text in ReplyReader().read(self._connected.hand_over(self._pacer)):
            self.ended = Ended(f"unasked: {reply_of(code, text)}", is_ours=False)

    def wake(self) -> None:
        """There may be something to pull."""
        self._woken.set()

    def stop(self) -> None:
        """Pull no more, finish what is in flight, say QUIT."""
        self._is_stopping = True
        self.wake()

    def let_hear(self, listener: Listener) -> None:
        """Let somebody hear what is said from now on; between two turns of the loop."""
        protocol = self._smtp.protocol
        if self.ended is not None or protocol is None or protocol.transport is None:
            return
        due: list[Awaited] = []
        if self._stage is not None and not self._unwritten:
            name = BODY.name if self._stage is Stage.BODY else str(self._stage).upper()
            due.append((name, self._in_flight))
        listener.joined(due, None if self._unwritten else 0)
        self._hooks = heard_by(listener, self._hooks)
        self._transport = TracedTransport(self._transport, listener)
        self._transport.set_protocol(self._pacer)
        self._smtp.transport = protocol.transport = self._transport

    async def _next(self) -> Envelope | None:
        """The next message, waiting for one; None when the session should end."""
        while self.takes_messages and self._smtp.is_connected:
            self._woken.clear()
            envelope = self._hooks.pull()
            if envelope is not None:
                return envelope
            try:
                async with asyncio.timeout(self._settings.idle_timeout):
                    await self._woken.wait()
            except TimeoutError:
                return None
        return None

    async def _send(self, envelope: Envelope) -> None:
        offers = self._connected.offers
        self._written_at = self._loop.time()
        fit = fitted(envelope, offers)
        if isinstance(fit, Reply):
            self._answer(envelope, Rejected(fit, Stage.MAIL))
            return
        self._in_flight = envelope
        if self._messages_left is not None:
            self._messages_left -= 1
        if self._needs_reset and not await self._reset():
            return
        commands = {
            Stage.MAIL: mail_command(fit, offers),
            Stage.RCPT: rcpt_command(fit),
            Stage.DATA: "DATA",
        }
        for stage, command in commands.items():
            if not await self._step(envelope, stage, command.encode()):
                self._needs_reset = stage is not Stage.MAIL
                return
        if not self._hooks.may_send(envelope):
            self.ended = Ended("the message may not be sent any more", is_ours=True)
            return  # run closes the connection and gives the message back
        await self._step(envelope, Stage.BODY, stuffed(fit.content) + b".\r\n")

    async def _step(self, envelope: Envelope, stage: Stage, output: bytes) -> bool:
        """Write one command or the body; answer the message if that is the end of it."""
        self._stage, self._awaits_since = stage, self._loop.time()
        try:
            reply = await (self._body(output) if stage is Stage.BODY else self._command(output))
        except _LOST as error:
            self._break(envelope, stage, str(error) or type(error).__name__)
            return False
        self._stage = None
        if reply.code // 100 == GOES_ON[stage] and reply.code != SERVICE_CLOSING:
            if stage is Stage.BODY:
                self._answer(envelope, Accepted(reply))
            return True
        if not 400 <= reply.code < 600:
            self._break(envelope, stage, f"protocol error: {stage} was answered by {reply}")
            return False
        self._answer(envelope, Rejected(reply, stage))
        if reply.code == SERVICE_UNAVAILABLE:
            self.ended = Ended(str(reply), is_ours=False)
        return False

    async def _command(self, line: bytes) -> Reply:
        return _reply(await self._smtp.execute_command(line))

    async def _body(self, output: bytes) -> Reply:
        """Write the body as the server takes it, and hear what it says, be it in the middle."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        # SMTP.data would hide whether DATA or its end was refused, and hold all of it at once.
        left = self._unwritten = deque(pieces_of(output))

        def feed() -> None:
            self._progress_at = self._loop.time()
            while left and not (self._pacer.is_paused or self._transport.is_closing()):
                self._transport.write(left.popleft())

        self._pacer.on_room = feed
        feed()
        try:
            reply = await self._patiently(protocol.read_response())
        finally:
            self._pacer.on_room = None
            self._unwritten = deque()
        if left:  # a command would be read as content
            self.ended = Ended("answered in the middle of the body", is_ours=False)
            if reply.code < 400:
                raise aiosmtplib.SMTPServerDisconnected("accepted what it had not read")
        return _reply(reply)

    async def _patiently(
        self, response: Awaitable[aiosmtplib.SMTPResponse]
    ) -> aiosmtplib.SMTPResponse:
        """Wait as long as the server reads on: a slow reader of a large body is no silent one."""
        limit = self._settings.data_timeout
        unsent = self._transport.get_write_buffer_size()
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer, unsent
            now = self._loop.time()
            owed = self._transport.get_write_buffer_size()
            if owed < unsent:
                self._progress_at = now
            unsent = owed
            if now >= self._progress_at + limit:
                deadline.reschedule(now)
            else:
                timer = self._loop.call_at(self._progress_at + limit, look)

        try:
            async with asyncio.timeout(None) as deadline:
                timer = self._loop.call_later(limit, look)
                try:
                    return await response
                finally:
                    timer.cancel()
        except TimeoutError as error:
            if isinstance(error, aiosmtplib.SMTPException):
                raise
            raise aiosmtplib.SMTPReadTimeoutError(f"no reply to body within {limit:g} s") from error

    async def _reset(self) -> bool:
        """Leave the refused transaction; False if that ended the session."""
        self._needs_reset = False
        try:
            reply = await self._command(b"RSET")
        except _LOST as error:
            self.ended = Ended(str(error), is_ours=False)
            return False
        if reply.code // 100 != 2:
            self.ended = Ended(f"RSET was answered by {reply}", is_ours=False)
        return self.ended is None

    def _break(self, envelope: Envelope, stage: Stage, error: str) -> None:
        self._answer(envelope, Broken(error, stage, is_doubtful=stage is Stage.BODY))
        self.ended = Ended(error, is_ours=False)

    def _answer(self, envelope: Envelope, answer: Answer) -> None:
        self._in_flight = None
        self.answered_count += 1
        if isinstance(answer, Accepted):
            self.accepted_count += 1
        self._hooks.answered(envelope, answer, Timing(self._loop.time() - self._written_at))

    def _abandon(self) -> None:
        """Account for the message that a cancelled session had in flight."""
        if self.ended is None:
            self.ended = Ended("stopped", is_ours=True)
        if self._in_flight is None:
            return
        envelope, self._in_flight = self._in_flight, None
        if self._stage is Stage.BODY:
            self._answer(envelope, Broken("stopped", Stage.BODY, is_doubtful=True))
        else:
            self._hooks.untried(envelope)

    async def _finish(self) -> None:
        if not self._smtp.is_connected:
            self.ended = Ended("connection closed by the server", is_ours=False)
            return
        self._stage = Stage.QUIT
        try:
            await self._smtp.quit(timeout=QUIT_TIMEOUT_S)
        except _LOST as error:
            self.ended = Ended(f"quit: {error}", is_ours=True)
        else:
            self.ended = Ended("quit", is_ours=True)


def _reply(response: aiosmtplib.SMTPResponse) -> Reply:
    return reply_of(response.code, response.message.encode("utf-8", "surrogateescape"))
