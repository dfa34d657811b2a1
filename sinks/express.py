"""A connection that takes whole transactions of the usual kind in the callback that brings them.

Usual is MAIL, RCPT and DATA in one group (RFC 2920) for one plain address, and a message after
them; or the same with BDAT (RFC 3030), perhaps with RSET before it. While a session hears nothing
else, its coroutine waits: no task is woken and no stream is read for a message, which together cost
as much as all the rest. Whatever is not usual, or has come in part only, is handed over where it
stands, and answered as ever.
"""

import asyncio
import re
from abc import abstractmethod
from typing import Final

from sinks import command
from sinks.connection import Server, printable
from sinks.reader import END, unstuffed
from sinks.reluctance import ReluctantConnection
from sinks.state import SinkState

_USUAL: Final = re.compile(
    rb"(RSET\r\n)?MAIL FROM:<((?:[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]+@[A-Za-z0-9.-]+)?)>"
    rb"(?: SIZE=([0-9]{1,15}))?(?: BODY=8BITMIME)?\r\n"
    rb"RCPT TO:<([A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]+@[A-Za-z0-9.-]+)>\r\n"
    rb"(?:DATA|BDAT ([0-9]{1,9}) LAST)\r\n"
)
_BEGUN: Final = b"\r\n".join((command.MAIL_OK, command.RCPT_OK, b""))
_GO_AHEAD: Final = command.START_DATA + b"\r\n"
_RESET: Final = b"250 OK\r\n"  # as aiosmtpd says it
_LINE_DOT: Final = END[:-2]
_EARLY_MAX: Final = 512 * 1024  # bytes; more in pieces are put together by who reads them as such
_COMMANDS_MAX: Final = 512  # bytes of a group: none of its lines is too long then
_REPLIES_AT_ONCE: Final = 2048  # ten milliseconds' worth; what a peer says in one read is less
_PATIENCE_S: Final = 0.05  # what is under way on this machine comes sooner
_BEFORE: Final = b"\r\n"  # what ends the DATA command stands before the first line


class ExpressConnection(ReluctantConnection):
    """One connection; what is usual, and what becomes of a message, its subclass says."""

    def __init__(self, server: Server, state: SinkState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, state, loop)
        self._handed_over: asyncio.Future[None] | None = None  # None: the loop of commands is at it
        self._begun: tuple[str, str] | None = None  # sender and recipient of the message to come
        self._body = bytearray()  # what has come of it, if not all
        self._early = b""  # a transaction by BDAT that has not come whole
        self._had_enough = False  # not all that was usual has been taken: it is others' turn
        self._alarm: asyncio.TimerHandle | None = None
        self._is_awaited = False  # the reply to what has come of one, by who sends it

    # --- what the subclass does ---------------------------------------------------------------

    @abstractmethod
    def is_usual(self) -> bool:
        """Whether a message would be kept without more ado, and a new one may begin."""

    @abstractmethod
    def takes_chunks(self) -> bool:
        """Whether BDAT is known here."""

    @abstractmethod
    def begins(self, recipient: str, size: int) -> bool:
        """Whether a message of this declared size may go to this address: it is begun then."""

    @abstractmethod
    def kept(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Keep the message; returns the reply. Raises what ``fault`` has words for."""

    @abstractmethod
    async def take_body(self, sender: str, recipients: list[str]) -> None:
        """Read a message whose DATA was answered by 354, and answer it."""

    # --- the way in and out -------------------------------------------------------------------

    async def express(self) -> bool:
        if self._paused:  # first: meanwhile the personality may change
            await self._writer.drain()
        is_awaited, self._is_awaited = self._is_awaited, False
        if self._input.is_ended or is_awaited or not self.is_usual() or self._is_amid():
            return False
        self._flush()
        ahead = self._input.take()
        if ahead:
            rest = self._take_usual(ahead)
            if rest is None or rest:
                self._input.put_back(self._untaken() + (rest or b""))
                if self._begun is None and rest == ahead:
                    return False
                if self._had_enough:
                    await asyncio.sleep(0)  # one that never stops talking is not the only one
                return await self._go_on_slowly()
        self._handed_over = self.loop.create_future()
        try:
            await self._handed_over
        finally:
            self._handed_over = None
        return await self._go_on_slowly()

    def _is_amid(self) -> bool:
        """Whether what was read ahead does not begin as a transaction: sooner seen than taken."""
        begins = self._input.peek(len(b"MAIL"))
        return bool(begins) and begins not in (b"MAIL", b"RSET")

    async def _go_on_slowly(self) -> bool:
        begun, self._begun = self._begun, None
        if begun is not None:
            await self.take_body(begun[0], [begun[1]])
        return True

    def _untaken(self) -> bytes:
        """What has come of a message that did not come whole."""
        body, self._body = bytes(self._body[len(_BEFORE) :]), bytearray()
        early, self._early = self._early, b""
        return body + early

    def data_received(self, data: bytes) -> None:
        waiting = self._handed_over
        if waiting is None or waiting.done():
            super().data_received(data)
            return
        self._heard_at = self.loop.time()
        early, self._early = self._early, b""
        data = early + data
        rest = self._take_usual(data) if self.is_usual() else data
        # A peer that does not read its replies is waited for, which a callback cannot do.
        if rest is None or rest or self._paused:
            super().data_received(self._untaken() + (rest or b""))
            waiting.set_result(None)

    def _watch_early(self) -> None:
        """Who sends a chunk may wait until its envelope is answered, which is not done here."""
        if self._alarm is None:
            self._alarm = self.loop.call_later(_PATIENCE_S, self._give_early)

    def _give_early(self) -> None:
        self._alarm = None
        waiting = self._handed_over
        if self._early and waiting is not None and not waiting.done():
            self._is_awaited = True
            super().data_received(self._untaken())
            waiting.set_result(None)

    # --- taking -------------------------------------------------------------------------------

    def _take_usual(self, data: bytes) -> bytes | None:
        """Returns what is left: not usual, or too much for now; None: a message is too large."""
        replies: list[bytes] = []
        at: int | None = 0
        while at is not None and at < len(data) and len(replies) < _REPLIES_AT_ONCE:
            if self._begun is not None:
                sender, recipient = self._begun
                content, at = self._take_whole(data, at)
                if content is not None:
                    self._begun = None
                    replies.append(self._kept(sender, recipient, content))
                continue
            found = _USUAL.match(data, at)
            end = None if found is None else self._take_transaction(found, data, replies)
            if end is None:
                break
            at = end
        self._had_enough = len(replies) >= _REPLIES_AT_ONCE
        if replies:
            self._writer.write(b"".join(replies))
        return None if at is None else data[at:]

    def _take_transaction(
        self, found: "re.Match[bytes]", data: bytes, replies: list[bytes]
    ) -> int | None:
        """Returns where what was taken ends; None if it is not usual after all."""
        reset, sender, declared, recipient, chunk = found.groups()
        start = found.end()
        end = start if chunk is None else start + int(chunk)
        if chunk is not None and not self.takes_chunks():
            return None
        if end - start > min(self._server.size_limit, _EARLY_MAX):
            return None
        if start - found.start() > _COMMANDS_MAX:
            return None
        if end > len(data):
            self._early = data[found.start() :]
            self._watch_early()
            return len(data)
        to = recipient.decode("ascii")
        if not self.begins(to, int(declared or 0)):
            return None
        replies += (_RESET, _BEGUN) if reset else (_BEGUN,)
        if chunk is None:
            replies.append(_GO_AHEAD)
            self._begun = sender.decode("ascii"), to
        else:
            replies.append(self._kept(sender.decode("ascii"), to, data[start:end]))
        return end

    def _take_whole(self, data: bytes, at: int) -> tuple[bytes | None, int | None]:
        """The content, if it has come whole, and where it ends; None: it is too large."""
        end = -1 if self._body or data.startswith(b".", at) else data.find(_LINE_DOT, at)
        if 0 <= end <= at + self._server.size_limit - 2 and data.startswith(END, end):
            return data[at : end + 2], end + len(END)  # no dot was doubled
        return self._take_more(data, at)

    def _take_more(self, data: bytes, at: int) -> tuple[bytes | None, int | None]:
        body = self._body
        if not body:
            body += _BEFORE
        had = len(body)
        body += data[at:]
        if len(body) > self._server.size_limit:
            return None, None
        end = body.find(END, max(0, had - len(END) + 1))
        if end < 0:
            return None, len(data)
        content = bytes(body[: end + 2])
        body.clear()
        return unstuffed(content)[len(_BEFORE) :], at + end + len(END) - had

    def _kept(self, sender: str, recipient: str, content: bytes) -> bytes:
        try:
            reply = self.kept(sender, [recipient], content)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged there
            reply = self.fault(error)
        return printable(reply) + b"\r\n"
