"""Since when somebody has watched without a gap: silence counts only while it was listened to.

A watcher that was itself stopped, asleep with its laptop, or cut off from the store has not heard
its workers, who may have been cut off with it: to bury them all at once would be a second accident.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Vigil:
    """Times in epoch seconds; ``gap_s`` is the longest pause that is no interruption."""

    gap_s: float
    since: float | None = None
    last: float = 0.0

    def watch(self, now: float) -> float:
        """Note that we listen at ``now``; returns since when without a gap."""
        if self.since is None or now - self.last > self.gap_s:
            self.since = now
        self.last = now
        return self.since

    def is_silent(self, heartbeat_at: float, lease_s: float) -> bool:
        """Whether one last heard at ``heartbeat_at`` was silent for a lease that we listened to."""
        return self.since is not None and max(heartbeat_at, self.since) + lease_s <= self.last
