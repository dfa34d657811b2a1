"""An exact rate limit without counters: the generic cell rate algorithm (ITU-T I.371, annex A).

All state is one number, the theoretical arrival time (TAT) of the next message if they came evenly.
``None`` is the TAT of a lane that was never used.
"""

import math
from dataclasses import dataclass

from affinity.configuration import MxRule


@dataclass(frozen=True, slots=True)
class Gcra:
    """One message per ``interval_s``; up to ``tolerance_s / interval_s`` may come early."""

    interval_s: float
    tolerance_s: float

    @classmethod
    def per_hour(cls, messages_per_hour: int, burst: int | None = None) -> "Gcra":
        """At most ``messages_per_hour`` in any hour, up to ``burst`` of them back to back.

        A burst of b is taken off the steady rate, since a window that opens with a burst must not
        hold more than the limit: (n - b + 1) intervals to the hour, and b - 1 messages early. By
        default the burst is one second's worth.

        Raises:
            ValueError: the burst is larger than the limit.
        """
        if burst is None:
            burst = max(1, round(messages_per_hour / 3600))
        if burst > messages_per_hour:
            raise ValueError(f"a burst of {burst} is more than {messages_per_hour} an hour")
        # A hair longer than exact, so that no rounding of floats near 1e9 lets one message more in.
        interval = 3600.0 / (messages_per_hour - burst + 1) * (1 + 1e-6) + 1e-6
        return cls(interval, (burst - 1) * interval)

    @classmethod
    def of_rule(cls, rule: MxRule) -> "Gcra | None":
        """The limiter of a rule, if it has one."""
        if rule.messages_per_hour is None:
            return None
        return cls.per_hour(rule.messages_per_hour, rule.burst)

    def earliest(self, tat: float | None) -> float:
        """When the next message may go, in epoch seconds; -inf on a fresh lane."""
        return -math.inf if tat is None else tat - self.tolerance_s

    def spend(self, tat: float | None, now: float) -> float:
        """The TAT after a message that goes now."""
        assert self.earliest(tat) <= now, "a message went before its time"
        return (now if tat is None else max(tat, now)) + self.interval_s

    def after(self, tat: float | None, now: float, messages: int) -> float | None:
        """The TAT once this many more messages have gone, as early as they may."""
        if messages <= 0:
            return tat
        return (now if tat is None else max(tat, now)) + messages * self.interval_s

    def room(self, tat: float | None, now: float, horizon_s: float) -> int:
        """How many messages may go from now until ``now + horizon_s``."""
        start = now if tat is None else max(tat, now)
        last = now + horizon_s + self.tolerance_s
        return 0 if last < start else int((last - start) / self.interval_s) + 1

    def worst_case(self, lease_end: float) -> float:
        """The largest TAT that a sender can have reached whose lease ended then."""
        return lease_end + self.tolerance_s + self.interval_s
