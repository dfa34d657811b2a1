"""Time that passes only when a test says so."""

import asyncio

from world.clock import About, SystemClock


class FakeClock:
    """A ``world.clock.Clock`` that stands still until it is set or advanced."""

    def __init__(self, now: float = 1_750_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def doze(
        self, seconds: float, news: asyncio.Event | None = None, *, about: About = "store"
    ) -> None:
        """Real time: for loops around what is tested."""
        await SystemClock().doze(seconds, news, about=about)

    def advance(self, seconds: float) -> float:
        """Let time pass; returns the new wall time."""
        assert seconds >= 0, "time does not go back: use set() to step the wall clock"
        self._now += seconds
        self._monotonic += seconds
        return self._now

    def set(self, now: float) -> None:
        """Step the wall clock, back or forth, as an operator or NTP does."""
        self._now = now
