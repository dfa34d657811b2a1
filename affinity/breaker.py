"""The breaker: which lanes are to be shut because nearly all that was tried there failed."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from affinity.configuration import Breaker

WINDOW_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts from one source IP to one MX group that ended in one minute since the epoch."""

    minute: int
    source_ip: str
    mx_group: str
    attempts: int
    errors: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to judge by: lanes that are suspended already are not judged."""

    tallies: Sequence[Tally]
    judged_since: Mapping[str, float]  # by lane, where not always; epoch seconds
    suspended: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Tripped:
    """A lane to shut, and why: so many errors of so many attempts."""

    lane: str
    errors: int
    attempts: int


def first_minute(now: float) -> int:
    """The first of the whole minutes that lie within the hour before ``now``."""
    return int((now - WINDOW_S) // 60) + 1


def tripped(seen: Seen, lane_of: Callable[[str, str], str], rule: Breaker) -> list[Tripped]:
    """The lanes to shut, by name.

    Minutes are whole: the one in which a lane was opened again does not count any more.

    Args:
        seen: what was tried within the hour, minute by minute, and since when each lane is judged.
        lane_of: source IP, MX group → lane.
        rule: how many attempts, and which share of them.
    """
    sums: dict[str, list[int]] = {}
    for each in seen.tallies:
        lane = lane_of(each.source_ip, each.mx_group)
        if lane in seen.suspended or each.minute * 60 < seen.judged_since.get(lane, 0.0):
            continue
        errors_attempts = sums.setdefault(lane, [0, 0])
        errors_attempts[0] += each.errors
        errors_attempts[1] += each.attempts
    return [
        Tripped(lane, errors, attempts)
        for lane, (errors, attempts) in sorted(sums.items())
        # Nine tenths of 10 may be a little more than 9, as floats have it.
        if attempts >= rule.messages and errors >= rule.errors * attempts - 1e-9
    ]
