"""The incoming stream of one connection, which can also read a whole message in one go."""

import asyncio
from collections.abc import Callable
from typing import Final

END: Final = b"\r\n.\r\n"
_LINE_AT_HAND_MAX: Final = 4096  # bytes; longer ones are the care of whoever reads in pieces


class MessageReader(asyncio.StreamReader):
    """A stream reader that knows how a message ends (RFC 5321, 4.1.1.4 and 4.5.2)."""

    _maybe_resume_transport: Callable[[], None]
    _buffer: bytearray  # asyncio's own, which its type stubs leave out
    _eof: bool  # likewise

    def __init__(self, size_limit: int, loop: asyncio.AbstractEventLoop) -> None:
        # The limit also says how much is buffered ahead; room for the CRLF and, at the
        # worst, a stuffed dot in every three bytes.
        super().__init__(limit=size_limit + size_limit // 3 + len(END), loop=loop)
        self._size_limit = size_limit

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will come."""
        return self._eof or self.exception() is not None

    def peek(self, size: int) -> bytes:
        """The first bytes of what was read ahead, which stay there."""
        return bytes(self._buffer[:size])

    def take(self) -> bytes:
        """All that was read ahead."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        self._maybe_resume_transport()
        return taken

    def put_back(self, data: bytes) -> None:
        """What was taken, to be read next."""
        self._buffer[:0] = data

    def line_at_hand(self) -> bytes | None:
        """The next line, if all of it has come; what an error says is left to ``readuntil``."""
        end = self._buffer.find(b"\n") + 1
        if not end or end > _LINE_AT_HAND_MAX or self.exception() is not None:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._maybe_resume_transport()
        return line

    async def read_message(self) -> bytes | None:
        """The content up to the end of data, dots unstuffed; None if it is too large.

        One search over the buffer instead of a read for each line: measured, that is what makes
        a sink keep up with a pipelining sender.

        Raises:
            asyncio.IncompleteReadError: the connection ended first.
        """
        at_hand = self._message_at_hand()
        if at_hand is not None:
            return at_hand if len(at_hand) <= self._size_limit else None
        # The CRLF that ended the DATA command is the one before the first line: put back, it
        # makes an empty message end like any other, and its first line unstuff like any other.
        self._buffer[:0] = b"\r\n"
        is_too_large = False
        data = None
        while data is None:
            try:
                data = await self.readuntil(END)
            except asyncio.LimitOverrunError as error:
                is_too_large = True
                await self.readexactly(error.consumed)
        if is_too_large:
            return None
        content = unstuffed(data[:-3])[2:]
        return content if len(content) <= self._size_limit else None

    def _message_at_hand(self) -> bytes | None:
        """The content, if all of it has come and it is not empty."""
        end = self._buffer.find(END)
        if end < 0 or self._buffer.startswith(b".") or self.exception() is not None:
            return None  # what begins with a dot may be the end of an empty message
        content = bytes(memoryview(self._buffer)[: end + 2])
        del self._buffer[: end + len(END)]
        self._maybe_resume_transport()
        return unstuffed(content)

    async def read_part(self, size: int) -> None:
        """Read and throw away so many bytes of a message, or all of it if it is shorter.

        A connection that ends meanwhile is not told: whoever wants only a part is done with it.
        """
        left, tail = size, b"\r\n"
        while left > 0 and END not in tail:
            piece = await self.read(min(left, 65536))
            if not piece:
                return
            left -= len(piece)
            tail = tail[1 - len(END) :] + piece

    async def skip(self, size: int) -> None:
        """Read and throw away so many bytes.

        Raises:
            asyncio.IncompleteReadError: the connection ended first.
        """
        left = size
        while left > 0:
            piece = await self.read(min(left, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)

    def forget(self) -> None:
        """Throw away what was read ahead."""
        self._buffer.clear()


def unstuffed(content: bytes) -> bytes:
    """A content as it was before its dots were doubled; its first line after a CRLF."""
    return content.replace(b"\r\n.", b"\r\n")
