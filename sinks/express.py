"""A connection that takes whole transactions of the usual kind in the callback that brings them.

Usual is MAIL, RCPT and DATA in one group (RFC 2920) for one plain address, and a message after
them. While a session hears nothing else, its coroutine waits: no task is woken and no stream is
read for a message, which together cost as much as all the rest. Whatever is not usual, or has come
in part only, is handed over where it stands, and answered as ever.
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
    rb"MAIL FROM:<((?:[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]+@[A-Za-z0-9.-]+)?)>"
    rb"(?: SIZE=([0-9]{1,15}))?(?: BODY=8BITMIME)?\r\n"
    rb"RCPT TO:<([A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]+@[A-Za-z0-9.-]+)>\r\n"
    rb"DATA\r\n"
)
_GO_AHEAD: Final = b"\r\n".join((command.MAIL_OK, command.RCPT_OK, command.START_DATA, b""))
_LINE_DOT: Final = END[:-2]
_BEFORE: Final = b"\r\n"  # what ends the DATA command stands before the first line


class ExpressConnection(ReluctantConnection):
    """One connection; what is usual, and what becomes of a message, its subclass says."""

    def __init__(self, server: Server, state: SinkState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, state, loop)
        self._handed_over: asyncio.Future[None] | None = None  # None: the loop of commands is at it
        self._begun: tuple[str, str] | None = None  # sender and recipient of the message to come
        self._body = bytearray()  # what has come of it, if not all

    # --- what the subclass does ---------------------------------------------------------------

    @abstractmethod
    def is_usual(self) -> bool:
        """Whether a message would be kept without more ado, and a new one may begin."""

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
        if self._input.has_some() or not self.is_usual():
            return False
        self._flush()
        self._handed_over = self.loop.create_future()
        try:
            await self._handed_over
        finally:
            self._handed_over = None
        begun, self._begun = self._begun, None
        if begun is not None:
            await self.take_body(begun[0], [begun[1]])
        return True

    def data_received(self, data: bytes) -> None:
        waiting = self._handed_over
        if waiting is None or waiting.done():
            super().data_received(data)
            return
        self._heard_at = self.loop.time()
        rest = self._take_usual(data) if self.is_usual() else data
        # A peer that does not read its replies is waited for, which a callback cannot do.
        if rest is None or rest or self._paused:
            body, self._body = bytes(self._body[len(_BEFORE) :]), bytearray()
            super().data_received(body + (rest or b""))
            waiting.set_result(None)

    # --- taking -------------------------------------------------------------------------------

    def _take_usual(self, data: bytes) -> bytes | None:
        """Returns what is left and not usual, or None if a message is too large to be."""
        replies: list[bytes] = []
        rest: bytes | None = data
        while rest:
            begun = self._begun
            if begun is None:
                found = _USUAL.match(rest)
                if found is None or not self._begin(found):
                    break
                replies.append(_GO_AHEAD)
                rest = rest[found.end() :]
                continue
            content, rest = self._take_whole(rest)
            if content is not None:
                self._begun = None
                replies.append(self._kept(*begun, content))
        if replies:
            self._writer.write(b"".join(replies))
        return rest

    def _begin(self, found: "re.Match[bytes]") -> bool:
        recipient = found[3].decode("ascii")
        if not self.begins(recipient, int(found[2] or 0)):
            return False
        self._begun = found[1].decode("ascii"), recipient
        return True

    def _take_whole(self, data: bytes) -> tuple[bytes | None, bytes | None]:
        """The content, if it has come whole, and what is left; see ``_take_usual``."""
        end = -1 if self._body or data.startswith(b".") else data.find(_LINE_DOT)
        if 0 <= end <= self._server.size_limit - 2 and data.startswith(END, end):
            return data[: end + 2], data[end + len(END) :]  # no dot was doubled
        return self._take_more(data)

    def _take_more(self, data: bytes) -> tuple[bytes | None, bytes | None]:
        body = self._body
        if not body:
            body += _BEFORE
        looked = len(body) - len(END) + 1
        body += data
        if len(body) > self._server.size_limit:
            return None, None
        end = body.find(END, max(0, looked))
        if end < 0:
            return None, b""
        content, rest = bytes(body[: end + 2]), bytes(body[end + len(END) :])
        body.clear()
        return unstuffed(content)[len(_BEFORE) :], rest

    def _kept(self, sender: str, recipient: str, content: bytes) -> bytes:
        try:
            reply = self.kept(sender, [recipient], content)
        except Exception as error:  # noqa: BLE001 - told to the client, and logged there
            reply = self.fault(error)
        return printable(reply) + b"\r\n"
