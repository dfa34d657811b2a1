"""A rate limit in slots of five minutes: each has its messages, which go as fast as they can.

The modelled system cuts the hour into twelve such slots and gives each a twelfth of the limit. But
an hour that begins inside a slot touches thirteen, so that its twelfths let through thirteen
twelfths. Here any thirteen slots in a row have the limit between them: in no hour is it exceeded
(``docs/decisions/0016-thirteen-slots-touch-an-hour.md``).

Slots begin at multiples of five minutes since the epoch, the same for every owner of a lane. State
is one number, as a ``Gcra`` keeps it: the place of the next message in its slot, as if the slot's
messages came evenly, so that a crash, a hand-over or a change of the limit need nothing of their
own. What a slot did not use is lost at its end.
"""

import math
from dataclasses import dataclass
from typing import Final

from affinity.gcra import RETURN_WHEN_NEXT_IN_S, TICKS_PER_S

SLOT_S: Final = 300
SLOTS_TOUCHED: Final = 13  # by an hour, at most
_SLOT: Final = SLOT_S * TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Slots:
    """At most ``messages_per_hour`` in any half-open hour; 13 at least, one for each slot."""

    messages_per_hour: int

    def __post_init__(self) -> None:
        assert self.messages_per_hour >= SLOTS_TOUCHED, "each slot has a message"

    def earliest(self, tat: float | None) -> float:
        """When the next message may go; ``-inf`` on a fresh lane."""
        if tat is None or tat == -math.inf:
            return -math.inf
        return self._slot_of(self._next(tat)) * float(SLOT_S)

    def spend(self, tat: float | None, now: float) -> float:
        """The state after a message that goes now; only when ``earliest`` lets it."""
        assert self.earliest(tat) <= now, "a message went before its time"
        return self._place(self._base(tat, now) + 1)

    def after(self, tat: float | None, now: float, messages: int) -> float | None:
        """The state once this many more messages have gone, as early as they may."""
        if messages <= 0:
            return tat
        return self._place(self._base(tat, now) + messages)

    def room(self, tat: float | None, now: float, horizon_s: float) -> int:
        """How many messages may go from now until ``now + horizon_s``, both included."""
        if horizon_s < 0:
            return 0
        return max(0, self._first(_slot_at(now + horizon_s) + 1) - self._base(tat, now))

    def per_visit(self, tat: float | None, now: float) -> int | None:
        """How many messages of a part go before it is given back: what the slot has left."""
        return max(1, self.room(tat, now, RETURN_WHEN_NEXT_IN_S))

    def worst_case(self, lease_end: float) -> float:
        """The largest state that a sender can have reached whose right to send ended then."""
        return self._place(self._first(_slot_at(lease_end) + 1))

    # Messages are numbered through all slots since the epoch. The sum of any thirteen slots is the
    # limit, as what a slot cannot have of its thirteenth part goes to a later one.

    @property
    def _limit(self) -> int:
        # More than a message a tick could not be told apart.
        return min(self.messages_per_hour, _SLOT)

    def _first(self, slot: int) -> int:
        """The number of a slot's first message."""
        return slot * self._limit // SLOTS_TOUCHED

    def _slot_of(self, number: int) -> int:
        """The slot that a message belongs to."""
        return -(-SLOTS_TOUCHED * (number + 1) // self._limit) - 1

    def _place(self, number: int) -> float:
        """A message's place, as if those of its slot came evenly."""
        slot = self._slot_of(number)
        first, end = self._first(slot), self._first(slot + 1)
        return (slot * _SLOT + (number - first) * _SLOT // (end - first)) / TICKS_PER_S

    def _next(self, tat: float) -> int:
        """The first message whose place is not before this."""
        ticks = math.ceil(tat * TICKS_PER_S)
        slot = ticks // _SLOT
        first, end = self._first(slot), self._first(slot + 1)
        return first - (-(ticks - slot * _SLOT) * (end - first) // _SLOT)

    def _base(self, tat: float | None, now: float) -> int:
        """The number of the message that goes next, now or when its slot begins."""
        first = self._first(_slot_at(now))
        return first if tat is None or tat == -math.inf else max(first, self._next(tat))


def _slot_at(now: float) -> int:
    return math.floor(now * TICKS_PER_S) // _SLOT
