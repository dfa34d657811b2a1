"""How a length of time is cut into points: few enough to be seen, in lengths that people know."""

from collections.abc import Iterable, Mapping
from typing import Final

from store.report_tables import SLOT_S

_HOUR: Final = 3600
# Up to so long, in steps of so long; seconds. Each step is made of whole slots.
_STEPS: Final = (
    (_HOUR, SLOT_S),
    (6 * _HOUR, 3 * SLOT_S),
    (12 * _HOUR, 6 * SLOT_S),
    (48 * _HOUR, _HOUR),
    (8 * 24 * _HOUR, 6 * _HOUR),
    (62 * 24 * _HOUR, 24 * _HOUR),
)
_LONGEST: Final = 7 * 24 * _HOUR
_POINTS_MAX: Final = 1000


def step_for(length_s: float) -> int:
    """Seconds of a step, for a time of this length."""
    for most, step in _STEPS:
        if length_s <= most:
            return step
    steps = -(-length_s // (_POINTS_MAX * _LONGEST))  # a lab of a thousand years is none
    return _LONGEST * max(1, int(steps))


def points(first: int, end: int, step_s: int) -> list[int]:
    """The beginnings of the steps that slots from ``first`` to before ``end`` touch; epoch s."""
    start = first * SLOT_S // step_s * step_s
    return list(range(start, end * SLOT_S, step_s))


def summed(
    rows: Iterable[tuple[int, tuple[int, ...]]], starts: list[int], step_s: int, width: int
) -> Mapping[int, list[int]]:
    """Sums by step: ``rows`` are slots with ``width`` counts each."""
    found = {start: [0] * width for start in starts}
    for slot, counts in rows:
        sums = found[slot * SLOT_S // step_s * step_s]
        for place, count in enumerate(counts):
            sums[place] += count
    return found
