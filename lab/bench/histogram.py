"""An HDR histogram: every value counted, each kept to three digits, in memory that does not grow.

The buckets are those of HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/), and a test
holds every percentile against its Python port. That one is not used itself: outside x86_64 it has
to be compiled, and a lab should install where there is no compiler.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Self

_SUB_BITS: Final = 11  # 2,048 steps below the first doubling: one of them is under 0.1 % of a value
_HALF_BITS: Final = _SUB_BITS - 1


class Histogram:
    """Counts of whole numbers from 0; a value from 2,048 on may be read up to 0.1 % too high."""

    __slots__ = ("_counts", "count", "max")

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self.max = 0  # exact

    def record(self, value: int) -> None:
        """Count a value; what is below 0 counts as 0."""
        value = max(value, 0)
        bucket = max(0, value.bit_length() - _SUB_BITS)
        self._counts[(bucket << _HALF_BITS) + (value >> bucket)] += 1
        self.count += 1
        self.max = max(self.max, value)

    def record_corrected(self, value: int, interval: int) -> None:
        """Count a value, and with it those that it kept from being measured.

        Who sends at an interval and waits for each answer sends nothing while one is late, so that
        of all the mail that would have waited only one piece is measured (coordinated omission).
        The others would have waited an interval less each.
        """
        self.record(value)
        if interval <= 0:
            return
        for missing in range(value - interval, 0, -interval):
            self.record(missing)

    def add(self, other: Self) -> None:
        """Count all that another one has counted."""
        self._counts.update(other._counts)
        self.count += other.count
        self.max = max(self.max, other.max)

    def at(self, percentiles: Iterable[float]) -> list[int]:
        """The values that so many percent of all are at most; 0 where there is none."""
        wanted = [max(1, int(each * self.count / 100 + 0.5)) for each in percentiles]
        found = dict.fromkeys(wanted, self.max)
        left, seen = sorted(found, reverse=True), 0
        for place, count in sorted(self._counts.items()):
            seen += count
            while left and seen >= left[-1]:
                found[left.pop()] = min(_highest(place), self.max)
        return [found[each] for each in wanted]


def _highest(place: int) -> int:
    """The highest value that is counted in a place."""
    bucket = max(0, (place >> _HALF_BITS) - 1)
    sub = place - (bucket << _HALF_BITS)
    return ((sub + 1) << bucket) - 1
