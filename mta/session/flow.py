"""Writing what may be larger than the other side takes at once.

A body goes out in pieces, the next when the transport has room: a transport over TLS does not tell
how much of one large write is still to go, but it tells when it has room again. That is the
progress by which a slow reader is told from a silent one.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

PIECE: Final = 65536  # bytes; also how much a transport may hold before it asks us to wait


def pieces_of(data: bytes) -> Iterator[bytes]:
    """The data in pieces that a transport takes without a great backlog."""
    if len(data) <= PIECE:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), PIECE):
        yield bytes(view[start : start + PIECE])


class Forwarding(asyncio.Protocol):
    """Stands before another protocol and hands on all that the transport tells."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Pacer(Forwarding):
    """Knows whether the transport has room, and calls ``on_room`` when it has room again."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        super().__init__(inner)
        self.is_paused = False
        self.on_room: Callable[[], None] | None = None

    def pause_writing(self) -> None:
        self.is_paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self.is_paused = False
        super().resume_writing()
        if self.on_room is not None:
            self.on_room()
