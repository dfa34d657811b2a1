"""One connection to a sink: what each command is answered is decided by its personality.

Every MAIL, RCPT and end of data is put to ``decide``; an accepted message has its receipt before
its 250.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import Final

from mail.outcome import Stage
from mail.reply import Reply
from sinks import command
from sinks.connection import Connection, Server, lines_of
from sinks.inbox import InboxFile
from sinks.personality import (
    Action,
    Answer,
    Connected,
    Data,
    Disconnected,
    EndOfData,
    Event,
    Hello,
    MailFrom,
    RcptTo,
    SinkState,
    StartTls,
    decide,
)
from sinks.receipts import Peer, ReceiptLog
from world.clock import Clock
from world.crash import reach

_RECIPIENTS_MAX: Final = 1000  # RFC 5321, 4.5.3.1.8 wants at least 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """What all sessions of one sink share."""

    server: Server
    state: SinkState
    clock: Clock
    receipts: ReceiptLog
    inbox: InboxFile | None
    tls: ssl.SSLContext | None = None  # with it STARTTLS is offered


class SinkSession(Connection):
    """One connection."""

    def __init__(self, post: Post, loop: asyncio.AbstractEventLoop) -> None:
        options = {} if post.tls is None else {"tls_context": post.tls}
        super().__init__(post.server, loop, **options)
        self._post = post
        self._is_counted = False  # among the connections that the personality counts

    async def begin(self) -> None:
        answer = self._decide(Connected(self.peer_ip))
        self._is_counted = answer.action is Action.ACCEPT
        await self._hold(answer.delay_s)
        if answer.action is not Action.ACCEPT:
            await self._refuse(answer, Stage.CONNECT)
            await self.leave()

    def over(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._decide(Disconnected(self.peer_ip))

    def fault(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return f"452 4.3.1 The sink cannot write its receipt: {error.strerror}"
        _log.error("a sink failed towards %s", self.peer_ip, exc_info=error)
        return "451 4.3.0 The sink failed, which is its own fault"

    def extensions(self) -> list[str]:
        offered = super().extensions()
        if self._post.tls is not None and not self.is_encrypted:
            offered.append("STARTTLS")
        return offered

    async def push(self, status: str | bytes) -> None:
        pause_s = self._post.state.personality.tarpit
        if not pause_s:
            await super().push(status)
            return
        reply = status.encode("utf-8", "replace") if isinstance(status, str) else status
        with self.holding():
            for place in range(len(reply) + 2):
                if self._writer.transport.is_closing():
                    raise asyncio.CancelledError
                self._writer.write((reply + b"\r\n")[place : place + 1])
                await self._writer.drain()
                await asyncio.sleep(pause_s)

    async def _hold(self, delay_s: float) -> None:
        if delay_s > 0:
            with self.holding():
                await asyncio.sleep(delay_s)

    @property
    def _peer(self) -> Peer:
        return Peer(self.peer_ip, self.peer_name, tls=self.is_encrypted)

    # --- commands ---------------------------------------------------------------------------

    async def _greet(self, hostname: str | None, *, is_extended: bool) -> None:
        answer = self._decide(Hello(self.peer_ip))
        if answer.action is Action.ACCEPT:
            await super()._greet(hostname, is_extended=is_extended)
        else:
            await self._refuse(answer, Stage.EHLO)

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        answer = self._decide(StartTls(self.peer_ip))
        if self._post.tls is None or answer.action is Action.ACCEPT:
            await super().smtp_STARTTLS(arg or "")
        else:
            await self._refuse(answer, Stage.STARTTLS)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if not self.peer_name:
            await self.push(command.SAY_EHLO)
            return
        transaction = self._transaction
        if transaction.mail_from is not None:
            await self.push(command.NESTED_MAIL)
            return
        path = command.reverse_path(arg, self._post.server.size_limit)
        if isinstance(path, Reply):
            await self._refuse(_refusing(path), Stage.MAIL)
            return
        answer = self._decide(MailFrom(self.peer_ip, path.address))
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
        answer = self._decide(RcptTo(self.peer_ip, sender, path.address))
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
            answer = self._decide(Data(self.peer_ip, sender, recipients))
            if answer.action is not Action.ACCEPT:
                self.envelope = self._create_envelope()
                await self._refuse(answer, Stage.DATA, sender, recipients)
                return
            await self.push(command.START_DATA)
            content = await self._input.read_message()
            self.envelope = self._create_envelope()
            if content is None:
                answer = _refusing(command.TOO_LARGE)
            else:
                answer = self._decide(EndOfData(self.peer_ip, sender, recipients))
                await self._hold(answer.delay_s)
            await self._finish(answer, sender, recipients, content)

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
        reach("sink.before_receipt")
        receipt_id = post.receipts.accepted(
            self._peer, sender, recipients, content, time=post.clock.now(), inbox=place
        )
        reach("sink.after_receipt")
        if answer.action is Action.ACCEPT_UNHEARD:
            self.drop()
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
            self.drop()
        else:
            await self.push(lines_of(reply))
            if reply.code == 421:
                await self.leave()


def _refusing(reply: Reply) -> Answer:
    return Answer(Action.REFUSE, reply)
