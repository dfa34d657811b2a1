"""An exact rate limit without counters: the generic cell rate algorithm (ITU-T I.371, annex A).

All state is one number, the theoretical arrival time (TAT): when the next message would be due if
they came evenly. ``None`` is the TAT of a lane that was never used.

Rules of this file: times are epoch seconds; reckoning is done in whole ticks, which floats hold
without rounding, and whatever falls between two ticks is moved to the later one. So a limit is
kept to the message, and not but for rounding.
"""

import math
from dataclasses import dataclass
from typing import Final

from affinity.configuration import MxRule

HOUR_S: Final = 3600
# A worker gives its parts back when the next message of their lane is further away than this.
RETURN_WHEN_NEXT_IN_S: Final = 5.0
# A lane whose next message is due later than this is left to the others: the owner would only
# hold the part and wait. Shorter gaps are bridged, so that a lane never runs dry between rounds.
BUDGET_AHEAD_S: Final = 1.0
# A float of this size has room for 2 ** 33 whole seconds beside it, until the year 2242.
TICKS_PER_S: Final = 2**20


@dataclass(frozen=True, slots=True)
class Gcra:
    """One message per ``interval_s``; up to ``tolerance_s / interval_s`` may come early."""

    interval_s: float
    tolerance_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.interval_s > 0, "a rate has an interval"
        assert self.tolerance_s >= 0, "nothing is due before it was due"

    @classmethod
    def per_hour(cls, messages_per_hour: int, burst: int | None = None) -> "Gcra":
        """At most ``messages_per_hour`` in any half-open hour, up to ``burst`` of them at once.

        An hour that opens with a burst must not hold more than the limit, so the burst is taken
        off the steady rate, which is ``messages_per_hour - burst + 1``. The default burst is one
        second's worth.

        Raises:
            ValueError: the burst is larger than the limit.
        """
        if burst is None:
            burst = max(1, round(messages_per_hour / HOUR_S))
        if burst > messages_per_hour:
            raise ValueError(f"a burst of {burst} is more than {messages_per_hour} an hour")
        interval = -(-HOUR_S * TICKS_PER_S // (messages_per_hour - burst + 1))
        return cls(interval / TICKS_PER_S, (burst - 1) * interval / TICKS_PER_S)

    @classmethod
    def of_rule(cls, rule: MxRule) -> "Gcra | None":
        """The limiter of a rule, if it has one."""
        if rule.messages_per_hour is None:
            return None
        return cls.per_hour(rule.messages_per_hour, rule.burst)

    def earliest(self, tat: float | None) -> float:
        """When the next message may go; ``-inf`` on a fresh lane."""
        if tat is None or tat == -math.inf:
            return -math.inf
        return (_up(tat) - self._tolerance) / TICKS_PER_S

    def spend(self, tat: float | None, now: float) -> float:
        """The TAT after a message that goes now; only when ``earliest`` lets it."""
        assert self.earliest(tat) <= now, "a message went before its time"
        return (_base(tat, now) + self._interval) / TICKS_PER_S

    def after(self, tat: float | None, now: float, messages: int) -> float | None:
        """The TAT once this many more messages have gone, as early as they may."""
        if messages <= 0:
            return tat
        return (_base(tat, now) + messages * self._interval) / TICKS_PER_S

    def room(self, tat: float | None, now: float, horizon_s: float) -> int:
        """How many messages may go from now until ``now + horizon_s``, both included."""
        early = math.floor((now + horizon_s) * TICKS_PER_S) + self._tolerance - _base(tat, now)
        # What falls between two ticks counts from the later; a message now waits for no tick.
        at_once = 1 if self.earliest(tat) <= now and horizon_s >= 0 else 0
        return max(at_once, early // self._interval + 1)

    def per_visit(self, tat: float | None, now: float) -> int | None:
        """How many messages of a part go before it is given back; None: as many as it has."""
        if self.interval_s <= RETURN_WHEN_NEXT_IN_S:
            return None
        return max(1, self.room(tat, now, RETURN_WHEN_NEXT_IN_S))

    def worst_case(self, lease_end: float) -> float:
        """The largest TAT that a sender can have reached whose right to send ended then.

        For the next owner of a lane whose owner is lost with its state: as if it had sent all that
        it might.
        """
        return (_up(lease_end) + self._tolerance + self._interval) / TICKS_PER_S

    @property
    def _interval(self) -> int:
        return _up(self.interval_s)

    @property
    def _tolerance(self) -> int:
        return math.floor(self.tolerance_s * TICKS_PER_S)


def _up(seconds: float) -> int:
    return math.ceil(seconds * TICKS_PER_S)


def _base(tat: float | None, now: float) -> int:
    """From where the next interval runs."""
    return _up(now) if tat is None or tat < now else _up(tat)
