"""Whose turn it is: self-clocked fair queueing (Golestani 1994), as a value that can be kept.

Whoever waits has a *base*: the clock's reading when it came, or when it was last served. Its *tag*
is base + size of what it wants / its share, and the smallest tag is served next; the clock then
shows that tag. So:

- two who wait all the time differ in what they got, divided by their shares, by at most one
  request of each, whatever the sizes;
- a newcomer starts at the clock's reading: it is due within one request of each of the others, and
  gets nothing for the time before it came;
- nobody is starved by a stream of newcomers: the clock moves with each request served, so that
  later newcomers come behind those who wait.

Round robin with deficit counters gives the same long-run shares; it needs a quantum, which must be
as large as the largest request, and a place in a ring for each newcomer. Here the memory is one
number for each who waits.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Waiting = TypeVar("Waiting", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Turn(Generic[Waiting]):
    """The state between two rounds: the clock, and the base of each who still waits."""

    clock: float = 0.0
    bases: Mapping[Waiting, float] = field(default_factory=dict)


class Turns(Generic[Waiting]):
    """A ``Turn`` at work during one round; units are messages."""

    __slots__ = ("_bases", "_before", "_clock")

    def __init__(self, before: Turn[Waiting]) -> None:
        self._clock = before.clock
        self._before = dict(before.bases)
        self._bases: dict[Waiting, float] = {}

    def come(self, who: Waiting) -> None:
        """Wait, with the base from the round before if it waited then."""
        if who not in self._bases:
            self._bases[who] = self._before.pop(who, self._clock)

    def leave(self, who: Waiting) -> None:
        """Wait no longer; who comes back is a newcomer."""
        self._bases.pop(who, None)

    def tag(self, who: Waiting, size: int, share: int = 1) -> float:
        return self._bases[who] + size / share

    def serve(self, who: Waiting, size: int, share: int = 1) -> None:
        """Give ``size`` messages to who waits, whether or not its tag is the smallest."""
        self._bases[who] = self.tag(who, size, share)
        self._clock = max(self._clock, self._bases[who])

    def keep(self) -> Turn[Waiting]:
        """The state for the next round."""
        return Turn(self._clock, dict(self._bases))
