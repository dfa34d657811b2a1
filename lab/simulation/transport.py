"""One end of a connection in memory: an asyncio transport."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from lab.simulation.loop import SimulatedLoop
from lab.simulation.process import SimulatedProcess, State
from world.chance import Chance

_KERNEL_BYTES: Final = 256 * 1024  # on the way or unread, before a writer has to wait
_HIGH: Final = 64 * 1024
_JITTER: Final = 0.2  # of the latency, for each segment

_EOF: Final = b""
Fate = Callable[["End"], tuple[bool, float, float]]


class End(asyncio.Transport):
    """Two of them, joined, are a connection."""

    _start_tls_compatible = True

    def __init__(
        self,
        loop: SimulatedLoop,
        context: contextvars.Context,
        here: tuple[str, int],
        there: tuple[str, int],
        fate: Fate,
    ) -> None:
        super().__init__({"sockname": here, "peername": there, "reset": self.reset})
        self._loop, self._context, self._fate = loop, context, fate
        self._here, self._there = here, there
        self._protocol: Any = None
        self._peer: End | None = None
        self._latency = 0.0
        self._chance: Chance | None = None
        self._last_arrival = 0.0
        self._on_way = 0  # bytes that the peer has not read
        self._unread: deque[bytes] = deque()
        self._sent_at: deque[float] = deque()  # of each of these
        self._is_reading = False
        self._is_paused = False  # our writer
        self._is_closing = False
        self._is_lost = False  # the protocol has been told
        self._has_sent_eof = False
        self._low, self._high = _HIGH // 4, _HIGH
        self.owner: SimulatedProcess | None = None
        self.when_closed: Callable[[], object] = lambda: None
        self.unheard: Callable[[End], object] | None = None  # of a client's end alone
        self.said: Callable[[End, bytes], object] | None = None  # likewise
        self.heard_until = 0.0  # when the last that it read was sent
        self.heard_before = 0.0  # the same, of what it read before that
        self._is_broken = False  # half open: nothing arrives any more, either way
        self.server_place = there

    def join(self, server: "End") -> None:
        """We are the client's end."""
        self._peer, server._peer = server, self
        server.server_place = self.server_place

    def delays(self, latency: float, chance: Chance) -> None:
        self._latency, self._chance = latency, chance

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        self._is_reading = True

    # --- what protocols ask ----------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        found: asyncio.BaseProtocol = self._protocol
        return found

    def is_closing(self) -> bool:
        return self._is_closing

    def is_reading(self) -> bool:
        return self._is_reading

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._loop.call_soon(self.read_on, context=self._context)

    def get_write_buffer_size(self) -> int:
        return max(0, self._on_way - _KERNEL_BYTES)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def can_write_eof(self) -> bool:
        return True

    def write(self, data: Any) -> None:
        if not data or self._is_closing or self._has_sent_eof:
            self._not_heard()
            return
        if self.said is not None:
            self.said(self, data)
        self._on_way += len(data)
        self._send(bytes(data))
        if self.get_write_buffer_size() > self._high and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        if not (self._is_closing or self._has_sent_eof):
            self._has_sent_eof = True
            self._send(_EOF)

    def close(self) -> None:
        """What was written still arrives, then FIN."""
        if self._is_closing:
            return
        self.write_eof()
        self._end(None)

    def abort(self) -> None:
        """As ``close``: what was written is the kernel's."""
        self.close()

    def reset(self) -> None:
        """RST: what is on the way does not arrive, and both ends know."""
        for end in (self, self._peer):
            if end is not None and not end._is_closing:
                end.tell_if_unheard()
                end._unread.clear()
                end._end(ConnectionResetError(104, "Connection reset by peer"))

    def close_by_kernel(self) -> None:
        """Our process is dead: RST if it left something unread, else FIN. Nobody here is told."""
        self._is_lost = True
        self.tell_if_unheard()
        peer = self._peer
        if self._unread and peer is not None and not peer._is_closing:
            peer._end(ConnectionResetError(104, "Connection reset by peer"))
        self.close()

    # --- the way ---------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        peer = self._peer
        assert peer is not None
        is_silent, extra, loss = self._fate(self)
        if is_silent or self._is_broken:
            self._is_broken = peer._is_broken = True  # what follows a gap is never read
            self._not_heard()
            return
        if peer._is_closing or (peer.owner is not None and peer.owner.state is not State.RUNNING):
            self._not_heard()
        assert self._chance is not None
        if loss and self._chance.random() < loss:
            self._not_heard()
            self._loop.call_soon(self.reset, context=self._context)
            return
        way = self._latency * (1 + _JITTER * self._chance.random()) + extra
        self._last_arrival = max(self._last_arrival, self._loop.time() + way)
        self._loop.call_at(
            self._last_arrival, peer._arrive, data, self._loop.time(), context=peer._context
        )

    def _not_heard(self) -> None:
        """What this end says is never read."""
        if self._peer is not None and self._peer.unheard is not None:
            self._peer.unheard(self._peer)

    def tell_if_unheard(self) -> None:
        """This end reads no more, or not for long: what is on its way to it is not heard."""
        if self.unheard is not None and self._peer is not None and self._peer._on_way > 0:
            self.unheard(self)

    def died_reading(self) -> None:
        """Its process dies between two instructions, perhaps with the last reply in hand."""
        if self.unheard is not None:
            self.heard_until = self.heard_before
            self.unheard(self)

    def _arrive(self, data: bytes, sent_at: float) -> None:
        if self._is_closing:
            if data and self.unheard is not None:
                self.unheard(self)
            peer = self._peer
            if data and peer is not None and not peer._is_closing:
                peer._end(ConnectionResetError(104, "Connection reset by peer"))
            return
        self._unread.append(data)
        self._sent_at.append(sent_at)
        self.read_on()

    def read_on(self) -> None:
        """Give the protocol what has arrived, as long as it reads."""
        while self._unread and self._is_reading and not self._is_closing:
            data = self._unread.popleft()
            self.heard_before, self.heard_until = self.heard_until, self._sent_at.popleft()
            if data == _EOF:
                if not self._protocol.eof_received():
                    self.close()
                return
            if self._peer is not None:
                self._peer._was_read(len(data))
            if isinstance(self._protocol, asyncio.BufferedProtocol):
                self._fill(data)
            else:
                self._protocol.data_received(data)

    def _fill(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self._is_closing:
            room = self._protocol.get_buffer(len(data) - at)
            size = min(len(room), len(data) - at)
            memoryview(room)[:size] = data[at : at + size]
            self._protocol.buffer_updated(size)
            at += size

    def _was_read(self, size: int) -> None:
        self._on_way -= size
        if self._is_paused and self.get_write_buffer_size() <= self._low:
            self._is_paused = False
            self._loop.call_soon(self._protocol.resume_writing, context=self._context)

    def _end(self, error: Exception | None) -> None:
        self._is_closing = True
        self.tell_if_unheard()
        peer = self._peer
        if peer is not None and not peer._is_closing:
            self._not_heard()
        self.when_closed()
        if self.owner is not None:
            self.owner.open.pop(id(self), None)
        self._loop.call_soon(self._tell_end, error, context=self._context)

    def _tell_end(self, error: Exception | None) -> None:
        if not self._is_lost and self._protocol is not None:
            self._is_lost = True
            self._protocol.connection_lost(error)
