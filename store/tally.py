"""What a process counted and timed since it began: told with its heartbeats, for whoever measures.

Counting costs a step in a dictionary, timing a search among fifteen bounds; nothing is kept of the
single values.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

import orjson

BOUNDS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)


class Times:
    """Durations by the least bound that they do not exceed; the last place has those beyond all."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    def merge(self, other: "Times") -> None:
        """Add what another one has."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.sum_s += other.sum_s


class Tally:
    """Counts and times by name; both only grow."""

    __slots__ = ("counts", "times")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: defaultdict[str, Times] = defaultdict(Times)

    def merge(self, other: "Tally") -> None:
        """Add what another one has."""
        self.counts.update(other.counts)
        for name, each in other.times.items():
            self.times[name].merge(each)

    def text(self) -> str:
        """As the store keeps it."""
        times = {name: (round(each.sum_s, 6), *each.counts) for name, each in self.times.items()}
        told = {"counts": dict(self.counts), "times": times}
        # Names are members of enumerations, which are text.
        return orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS).decode()

    @classmethod
    def read(cls, text: str | None) -> "Tally":
        """What ``text`` made. None, or bounds of another version: nothing of it is known."""
        found = cls()
        if text is None:
            return found
        given: Mapping[str, Any] = orjson.loads(text)
        found.counts.update(given["counts"])
        for name, (sum_s, *counts) in given["times"].items():
            if len(counts) == len(BOUNDS_S) + 1:
                found.times[name].counts, found.times[name].sum_s = counts, sum_s
        return found
