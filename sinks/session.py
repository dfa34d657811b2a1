"""One connection to a sink: what each command is answered is decided by its personality.

Every MAIL, RCPT and end of data is put to ``decide``; an accepted message has its receipt before
its 250.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mail.outcome import Stage
from mail.reply import Reply
from sinks import command
from sinks.connection import Server, lines_of
from sinks.events import (
    Action,
    Answer,
    Connected,
    DataBegins,
    Disconnected,
    EndOfData,
    Event,
    Greeted,
    Leaving,
    MailFrom,
    RcptTo,
    TlsAsked,
)
from sinks.express import ExpressConnection
from sinks.faults import Cut
from sinks.headers import header_block, message_id
from sinks.inbox import InboxFile
from sinks.local_part import wish_of
from sinks.outgoing import Cause
from sinks.personality import decide
from sinks.receipts import Peer, ReceiptLog
from sinks.sending_back import SendingBack
from sinks.settings import EXTENSIONS
from sinks.state import SinkState
from world.clock import Clock
from world.crash import reach

_RECIPIENTS_MAX: Final = 1000  # RFC 5321, 4.5.3.1.8 wants at least 100
_EXTENSION_OF: Final = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8"}  # of MAIL
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Post:
    """What all sessions of one sink share; a new personality brings new ones a certificate."""

    server: Server
    state: SinkState
    clock: Clock
    receipts: ReceiptLog
    inbox: InboxFile | None
    back: SendingBack | None = None  # None: nothing is sent back
    tls_context: ssl.SSLContext | None = None
    accepted: int = 0
    refused: int = 0


class SinkSession(ExpressConnection):
    """One connection."""

    def __init__(self, post: Post, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(post.server, post.state, loop)
        self._post = post
        self._certificate = post.tls_context  # a new one is for those who connect from then on
        self._is_counted = False  # among the connections that the personality counts
        self._messages = 0  # that were begun

    async def begin(self) -> None:
        answer = self._decide(Connected(self.peer_ip))
        self._is_counted = answer.action is Action.ACCEPT
        await self.wait(answer)
        if answer.action is not Action.ACCEPT:
            await self._refuse(answer, Stage.CONNECT)
            await self.leave()

    def over(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._decide(Disconnected(self.peer_ip))

    def extensions(self) -> list[str]:
        size = f"SIZE {self._server.size_limit}"
        names = self._post.state.personality.extensions
        offered = [size if each == "SIZE" else str(each) for each in names]
        if self._offers_tls and not self.is_encrypted:
            offered.append("STARTTLS")
        return offered

    @property
    def _offers_tls(self) -> bool:
        """A rule that refuses STARTTLS has something to refuse, also without a certificate."""
        return self._certificate is not None or self._post.state.refusals.has("starttls")

    def fault(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return f"452 4.3.1 The sink cannot write its receipt: {error.strerror}"
        _log.error("a sink failed towards %s", self.peer_ip, exc_info=error)
        return "451 4.3.0 The sink failed, which is its own fault"

    @property
    def _peer(self) -> Peer:
        return Peer(self.peer_ip, self.peer_name, tls=self.is_encrypted)

    # --- commands ---------------------------------------------------------------------------

    async def _greet(self, hostname: str | None, *, is_extended: bool) -> None:
        if hostname and hostname.isprintable():
            answer = await self._ask(Greeted(self.peer_ip, is_extended))
            if answer.action is not Action.ACCEPT:
                await self._refuse(answer, Stage.EHLO)
                return
        await super()._greet(hostname, is_extended=is_extended)

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if arg:
            await self.push(command.BAD_STARTTLS)
        elif self.is_encrypted:
            await self.push(command.TLS_ALREADY)
        elif not self._offers_tls:
            await self.push(command.NO_TLS)
        else:
            answer = await self._ask(TlsAsked(self.peer_ip))
            self.tls_context = self._certificate
            if answer.action is Action.ACCEPT and self.tls_context is not None:
                await self._secure()
            elif answer.action is Action.ACCEPT:
                await self._refuse(_refusing(command.TLS_UNAVAILABLE), Stage.STARTTLS)
            else:
                await self._refuse(answer, Stage.STARTTLS)

    async def _secure(self) -> None:
        try:
            await super().smtp_STARTTLS(None)
        finally:
            if not (self.is_encrypted or self._server.is_stopping()):
                self._write_down(Stage.STARTTLS, None, (), None)  # the handshake came to nothing

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if not self.peer_name:
            await self.push(command.SAY_EHLO)
            return
        transaction = self._transaction
        if transaction.mail_from is not None:
            await self.push(command.NESTED_MAIL)
            return
        path = self._offered(command.reverse_path(arg, self._server.size_limit))
        if isinstance(path, Reply):
            await self._refuse(_refusing(path), Stage.MAIL)
            return
        event = MailFrom(self.peer_ip, path.address, self._messages + 1, self.is_encrypted)
        answer = await self._ask(event)
        if answer.action is Action.ACCEPT:
            self._messages += 1
            transaction.mail_from = path.address
            transaction.smtp_utf8 = "SMTPUTF8" in path.parameters
            await self.push(command.MAIL_OK)
        else:
            await self._refuse(answer, Stage.MAIL, path.address)

    def _offered(self, path: command.Path | Reply) -> command.Path | Reply:
        """The path, unless it has a parameter whose extension is not offered."""
        offered = self._post.state.personality.extensions
        if isinstance(path, command.Path) and len(offered) < len(EXTENSIONS):
            for name in path.parameters:
                if _EXTENSION_OF[name] not in offered:
                    return Reply(555, f"5.5.4 MAIL parameter {name} is not known here")
        return path

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
        answer = await self._ask(RcptTo(self.peer_ip, sender, path.address))
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
        elif transaction.chunks is not None:
            await self.push(command.DATA_AMID_BDAT)
        elif arg:
            await self.push(command.BAD_DATA)
        else:
            answer = await self._ask(DataBegins(self.peer_ip, sender, recipients))
            if answer.action is Action.ACCEPT:
                await self.push(command.START_DATA)
                await self._take(answer.cut, sender, recipients)
            else:
                self.envelope = self._create_envelope()
                await self._refuse(answer, Stage.DATA, sender, recipients)

    async def _take(self, cut: Cut | None, sender: str, recipients: list[str]) -> None:
        """The message itself."""
        if cut is not None:
            await self._input.read_part(cut.after_bytes)
            self._write_down(Stage.DATA, sender, recipients, None)
            self.end(cut)
        content = await self._input.read_message()
        self.envelope = self._create_envelope()
        await self._judge(sender, recipients, content)

    async def smtp_BDAT(self, arg: str | None) -> None:  # noqa: N802 - as aiosmtpd's
        """RFC 3030. What follows the command is read whatever is said of it."""
        chunk, transaction = command.chunk(arg), self._transaction
        if not self.takes_chunks():
            await self.push(command.NO_BDAT)
        elif chunk is None:
            await self.push(command.BAD_BDAT)
        elif transaction.mail_from is None or not transaction.rcpt_tos:
            await self._input.skip(chunk[0])
            refusal = command.NO_RECIPIENTS if transaction.refused else command.NEED_RCPT
            await self.push(command.NEED_MAIL if transaction.mail_from is None else refusal)
            if chunk[1]:
                self.envelope = self._create_envelope()
        else:
            await self._take_chunk(chunk, transaction.mail_from, transaction.rcpt_tos)

    async def _take_chunk(
        self, chunk: tuple[int, bool], sender: str, recipients: list[str]
    ) -> None:
        transaction, (size, is_last) = self._transaction, chunk
        if transaction.chunks is None:
            answer = await self._ask(DataBegins(self.peer_ip, sender, recipients))
            cut = answer.cut
            if cut is not None and cut.stage == "content" and answer.action is Action.ACCEPT:
                await self._input.skip(min(size, cut.after_bytes))
                self._write_down(Stage.DATA, sender, recipients, None)
                self.end(cut)
            if answer.action is not Action.ACCEPT:
                await self._input.skip(size)
                self.envelope = self._create_envelope()
                await self._refuse(answer, Stage.DATA, sender, recipients)
                return
            transaction.chunks = []
        content: bytes | None = None
        if sum(map(len, transaction.chunks)) + size <= self._server.size_limit:
            transaction.chunks.append(await self._input.readexactly(size))
            if not is_last:
                await self.push(f"250 2.0.0 {size} octets received")
                return
            content = b"".join(transaction.chunks)
        else:
            await self._input.skip(size)
        self.envelope = self._create_envelope()
        await self._judge(sender, recipients, content)

    # --- transactions of the usual kind -----------------------------------------------------

    def is_usual(self) -> bool:
        return (
            self._state.keeps_all
            and bool(self.peer_name)
            and self._pending is None
            and self._transaction.mail_from is None
        )

    def takes_chunks(self) -> bool:
        return "CHUNKING" in self._state.personality.extensions

    def begins(self, recipient: str, size: int) -> bool:
        if size > self._server.size_limit or wish_of(recipient) is not None:
            return False
        self._messages += 1
        return True

    def kept(self, sender: str, recipients: list[str], content: bytes) -> str:
        receipt_id = self._keep(sender, recipients, content)
        if self._state.writes_back:  # no address asks for it: such mail is not usual
            self._bring_back(sender, recipients, content)
        return f"250 2.0.0 Accepted as {receipt_id}"

    async def take_body(self, sender: str, recipients: list[str]) -> None:
        await self._take(None, sender, recipients)

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's
        if arg:
            await self.push(command.BAD_QUIT)
            return
        answer = await self._ask(Leaving(self.peer_ip))
        if answer.action is Action.ACCEPT:
            await self.push(command.QUIT_OK)
            await self.stay_open()
        self.end(answer.cut)

    # --- deciding and writing down ----------------------------------------------------------

    def _decide(self, event: Event) -> Answer:
        clock = self._post.clock
        return decide(self._post.state, event, clock.monotonic(), clock.now())

    async def _ask(self, event: Event) -> Answer:
        """What to do about the event, now that the time for it has come."""
        answer = self._decide(event)
        await self.wait(answer)
        return answer

    async def _judge(self, sender: str, recipients: list[str], content: bytes | None) -> None:
        """Answer a message that has been read; None: it was too large to be."""
        if content is None:
            answer = _refusing(command.TOO_LARGE)
        else:
            answer = await self._ask(EndOfData(self.peer_ip, sender, recipients))
        is_accepted = answer.action in {Action.ACCEPT, Action.ACCEPT_UNHEARD}
        if not is_accepted or content is None:
            await self._refuse(answer, Stage.BODY, sender, recipients)
            return
        receipt_id = self._keep(sender, recipients, content)
        self._bring_back(sender, recipients, content)
        if answer.action is Action.ACCEPT_UNHEARD:
            self.end(answer.cut)
        await self.push(f"250 2.0.0 Accepted as {receipt_id}")

    def _keep(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Write the receipt, and the content if there is an inbox; returns the receipt's id."""
        post = self._post
        place = None if post.inbox is None else post.inbox.keep(content)
        reach("sink.before_receipt")
        receipt_id = post.receipts.accepted(
            self._peer, sender, recipients, content, time=post.clock.now(), inbox=place
        )
        post.accepted += 1
        reach("sink.after_receipt")
        return receipt_id

    def _bring_back(self, sender: str, recipients: list[str], content: bytes) -> None:
        """See what an accepted message brings its sender later."""
        back = self._post.back
        if back is None:
            return
        head, at = header_block(content), self._post.clock.now()
        message = message_id(content) or sender
        for each in recipients:
            cause = Cause(sender, each, self.peer_ip, at, head)
            back.take(self._post.state.afterwards, cause, message)

    async def _refuse(
        self,
        answer: Answer,
        stage: Stage,
        sender: str | None = None,
        recipients: list[str] | None = None,
    ) -> None:
        """Write the refusal down, then say it; 421 and no reply at all end the session."""
        reply = None if answer.action is Action.DROP else answer.reply
        self._write_down(stage, sender, recipients or (), reply)
        if reply is None:
            self.end(answer.cut)
        else:
            await self.push(lines_of(reply))
            if reply.code == 421:
                await self.stay_open()
                await self.leave()

    def _write_down(
        self, stage: Stage, sender: str | None, recipients: Sequence[str], reply: Reply | None
    ) -> None:
        post = self._post
        post.refused += 1
        said = None if reply is None else str(reply)
        try:
            post.receipts.refused(
                self._peer, stage, sender, recipients, said, time=post.clock.now()
            )
        except OSError:  # a refusal needs no proof; the sink behaves as it is told to
            _log.exception("a refusal could not be written down")


def _refusing(reply: Reply) -> Answer:
    return Answer(Action.REFUSE, reply)
