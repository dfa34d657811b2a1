"""Time as the pipeline sees it."""

import asyncio
import contextlib
import time
from typing import Literal, Protocol

About = Literal["store", "machine"]


class Clock(Protocol):
    """Tells the time. ``asyncio.sleep`` is not here: the event loop owns waiting."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back; for durations and leases in hand."""
        ...

    async def doze(
        self, seconds: float, news: asyncio.Event | None = None, *, about: About = "store"
    ) -> None:
        """Wait before looking again, less long if ``news`` is set meanwhile.

        For those who look again and again, at the store, or at files and processes of the machine,
        and find what they found before if nobody has changed any and nothing has become due: a
        simulation may leave out such looks, and only such.
        """
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def doze(
        self, seconds: float, news: asyncio.Event | None = None, *, about: About = "store"
    ) -> None:
        if news is None:
            await asyncio.sleep(seconds)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), seconds)
