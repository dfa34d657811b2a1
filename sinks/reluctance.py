"""A connection that says what it has to say late, slowly, in part or not at all, and ends oddly."""

import asyncio
from typing import NoReturn

from sinks.connection import Connection, Server, printable
from sinks.events import Answer
from sinks.faults import Cut, Stall, Tarpit
from sinks.state import SinkState


class ReluctantConnection(Connection):
    """One connection; what it says is its subclass's matter, how it says it is here."""

    def __init__(self, server: Server, state: SinkState, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        self._state = state
        self._pending: Answer | None = None  # what more happens with the next reply

    async def wait(self, answer: Answer) -> None:
        """Until the answer is to be given; the rest of it comes with the next reply."""
        stall, cut = answer.stall, answer.cut
        if answer.delay_s > 0:
            with self.holding():
                await asyncio.sleep(answer.delay_s)
        if stall is not None and not stall.said:
            await self._keep_silent(stall)
        if (stall is not None and stall.said) or (cut is not None and cut.when == "after"):
            self._pending = answer

    async def push(self, status: str | bytes) -> None:
        """Send a reply, as slowly or as little of it as the personality wants."""
        pending, self._pending = self._pending, None
        if pending is None and self._state.personality.tarpit is None:  # nearly always
            await super().push(status)
            return
        tarpit = self._state.tarpit_of(self.peer_ip, self.age_s)
        stall = None if pending is None or pending.stall is None else pending.stall
        if tarpit is None and (stall is None or not stall.said):
            await super().push(status)
        else:
            reply = printable(status) if isinstance(status, str) else status
            await self._utter(reply + b"\r\n", stall, tarpit)
        if pending is not None and pending.cut is not None and pending.cut.when == "after":
            if pending.cut.how == "reset":
                self._flush()
                self.reset()
            await self.leave()

    async def _utter(self, reply: bytes, stall: Stall | None, tarpit: Tarpit | None) -> None:
        self._flush()
        if stall is not None and stall.said:
            await self._trickle(reply[: stall.said], tarpit)
            await self._keep_silent(stall)
            reply = reply[stall.said :]
        await self._trickle(reply, tarpit)

    async def _trickle(self, said: bytes, tarpit: Tarpit | None) -> None:
        step = len(said) if tarpit is None else tarpit.piece
        with self.holding():
            for start in range(0, len(said), max(step, 1)):
                if self._writer.transport.is_closing():
                    raise asyncio.CancelledError  # as push does: nobody would hear it
                self._writer.write(said[start : start + step])
                await self._writer.drain()
                if tarpit is not None:
                    await asyncio.sleep(tarpit.pause)

    async def _keep_silent(self, stall: Stall) -> None:
        with self.holding():
            if stall.time is None:
                await asyncio.Event().wait()  # until the peer leaves, or the sink stops
            else:
                await asyncio.sleep(stall.time)

    async def stay_open(self) -> None:
        """After the last word, for as long as the personality closes late."""
        slow = self._state.personality.slow_close
        if slow is not None:
            self._flush()
            with self.holding():
                await asyncio.sleep(slow.delay)

    def end(self, cut: Cut | None) -> NoReturn:
        """End the connection at once, in the way that a cut says if there is one."""
        if cut is not None and cut.how == "reset":
            self.reset()
        self.drop()
