"""What holds a limit of messages per hour: evenly, or in slots.

All that a limiter remembers is one number, None on a lane that was never used. It is stored with
the outcomes that it allowed, and a larger one always allows less.
"""

from typing import Final, Protocol

from affinity.gcra import Gcra
from affinity.preset import Pacing
from affinity.slots import SLOTS_TOUCHED, Slots

# Of several rules the gentlest towards the receiver holds.
GENTLEST: Final[tuple[Pacing, ...]] = ("even", "slots")


class Rate(Protocol):
    """A limiter: see ``Gcra`` and ``Slots`` for what each answer means."""

    def earliest(self, tat: float | None) -> float:
        """When the next message may go."""

    def spend(self, tat: float | None, now: float) -> float:
        """The state after a message that goes now."""

    def after(self, tat: float | None, now: float, messages: int) -> float | None:
        """The state once this many more messages have gone."""

    def room(self, tat: float | None, now: float, horizon_s: float) -> int:
        """How many messages may go until the horizon."""

    def per_visit(self, tat: float | None, now: float) -> int | None:
        """How many messages of a part go before it is given back; None: all."""

    def worst_case(self, lease_end: float) -> float:
        """The largest state that an owner can have reached by the end of its lease."""


def rate_of(messages_per_hour: int, pacing: Pacing, burst: int | None = None) -> Rate:
    """The limiter of a limit.

    Below thirteen messages an hour there is none for each slot: they go evenly.

    Raises:
        ValueError: the burst is larger than the limit.
    """
    if pacing == "slots" and messages_per_hour >= SLOTS_TOUCHED:
        return Slots(messages_per_hour)
    return Gcra.per_hour(messages_per_hour, burst)
