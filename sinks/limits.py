"""What a sink remembers about those who come: rates, connections, triplets, deferrals.

Rules of this file: time is handed in, in seconds that never go back; nothing here waits.
"""

import ipaddress
from collections import defaultdict, deque
from functools import lru_cache


class SlidingRate:
    """At most ``messages`` admissions per key in any window of ``per_s`` seconds, exactly."""

    def __init__(self, messages: int, per_s: float) -> None:
        self._messages, self._per_s = messages, per_s
        self._known = messages  # how many admissions are kept: as the largest limit so far wants
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def change(self, messages: int, per_s: float) -> None:
        """From now on by another rate; what was admitted counts on as far as it is known."""
        self._messages, self._per_s = messages, per_s
        self._known = max(self._known, messages)

    def admit(self, key: str, now: float) -> bool:
        """Count one if it fits; what does not fit is not counted."""
        admitted = self._admitted[key]
        # Only the last N admissions matter: the oldest of them must be out of the window.
        if len(admitted) >= self._messages and now - admitted[-self._messages] < self._per_s:
            return False
        admitted.append(now)
        if len(admitted) > self._known:
            admitted.popleft()
        return True


class ConnectionCount:
    """How many connections each key holds and all together, with limits or without."""

    def __init__(self, limit: int | None, total: int | None = None) -> None:
        self._limit, self._total = limit, total
        self._open: defaultdict[str, int] = defaultdict(int)
        self.all = 0

    def change(self, limit: int | None, total: int | None = None) -> None:
        """From now on with other limits; those who are in stay."""
        self._limit, self._total = limit, total

    @property
    def is_full(self) -> bool:
        return self._total is not None and self.all >= self._total

    def open(self, key: str) -> bool:
        """Count one more if it fits."""
        if self.is_full or (self._limit is not None and self._open.get(key, 0) >= self._limit):
            return False
        self._open[key] += 1
        self.all += 1
        return True

    def close(self, key: str) -> None:
        self._open[key] -= 1
        self.all -= 1
        if self._open[key] <= 0:
            del self._open[key]


class DayCount:
    """Counts by key that begin anew each day."""

    def __init__(self) -> None:
        self._day = -1
        self._counts: defaultdict[str, int] = defaultdict(int)

    def so_far(self, key: str, day: int) -> int:
        """How many today; a day that is over already (a clock set back) is still today."""
        if day > self._day:
            self._day = day
            self._counts.clear()
        return self._counts.get(key, 0)

    def add(self, key: str, day: int) -> None:
        self._counts[key] = self.so_far(key, day) + 1


class Memory:
    """Numbers by key, dropped when not touched for ``forget_s`` seconds."""

    def __init__(self, forget_s: float) -> None:
        self._forget_s = forget_s
        self._keep_s = forget_s  # the longest patience so far
        self._known: dict[int, tuple[float, float]] = {}  # last touched first → (touched, value)

    def __len__(self) -> int:
        return len(self._known)

    def change(self, forget_s: float) -> None:
        """From now on with another patience; who is too old for it stays for a longer one."""
        self._forget_s = forget_s
        self._keep_s = max(self._keep_s, forget_s)

    def recall(self, key: int, now: float) -> float | None:
        self._forget_old(now)
        found = self._known.get(key)
        is_known = found is not None and now - found[0] < self._forget_s
        return found[1] if found is not None and is_known else None

    def keep(self, key: int, value: float, now: float) -> None:
        self._known.pop(key, None)  # so that the order stays that of the last touch
        self._known[key] = (now, value)

    def _forget_old(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if now - self._known[oldest][0] < self._keep_s:
                return
            del self._known[oldest]


class Greylist:
    """Triplets and when each was first seen."""

    def __init__(self, delay_s: float, forget_s: float) -> None:
        self._delay_s = delay_s
        self._first_seen = Memory(forget_s)

    def change(self, delay_s: float, forget_s: float) -> None:
        """From now on by another delay, also for triplets that wait already."""
        self._delay_s = delay_s
        self._first_seen.change(forget_s)

    def admit(self, triplet: int, now: float) -> bool:
        """Whether the triplet has waited; an early retry does not make it wait longer."""
        first = self._first_seen.recall(triplet, now)
        if first is None:
            first = now
        self._first_seen.keep(triplet, first, now)
        return now - first >= self._delay_s


class DeferralCount:
    """How often each pair of sender and recipient has been put off."""

    def __init__(self, forget_s: float) -> None:
        self._deferred = Memory(forget_s)

    def change(self, forget_s: float) -> None:
        """From now on with another patience."""
        self._deferred.change(forget_s)

    def defer(self, pair: int, times: int, now: float) -> bool:
        """Put off once more unless it was ``times`` times already."""
        so_far = self._deferred.recall(pair, now) or 0
        is_deferred = so_far < times
        self._deferred.keep(pair, so_far + is_deferred, now)
        return is_deferred


@lru_cache(maxsize=4096)
def network_of(ip: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    """The network of that size which the address is in; an IPv6 zone is left out."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    prefix = ipv4_prefix if address.version == 4 else ipv6_prefix
    return str(ipaddress.ip_network((address, prefix), strict=False))
