"""Time as the pipeline sees it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time. ``asyncio.sleep`` is not here: the event loop owns waiting."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back; for durations and leases in hand."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
