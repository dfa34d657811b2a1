"""How long each phase of a message's way takes: the four of Postfix's ``delays=``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from lab.bench.histogram import Histogram


class Phase(StrEnum):
    """A phase, in the order of the way."""

    QUEUE_WAIT = "queue_wait"  # from when it was due and queued until its first byte is written
    CONNECT = "connect"  # from the first packet to EHLO's reply; once for each connection
    TRANSMIT = "transmit"  # from a message's first byte to its answer
    RECORD = "record"  # from the answer to its commit


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds. Half of all values are at most ``p50``, 99 of a hundred at most ``p99``."""

    p50: float
    p90: float
    p99: float
    max: float
    count: int

    @classmethod
    def of(cls, histogram: Histogram) -> Self:
        """Those of a histogram of microseconds."""
        p50, p90, p99 = (each / 1000 for each in histogram.at((50, 90, 99)))
        return cls(p50, p90, p99, histogram.max / 1000, histogram.count)


def histogram_of(seconds: Iterable[float], interval_s: float = 0.0) -> Histogram:
    """A histogram of microseconds; with an interval, corrected for coordinated omission."""
    found, interval = Histogram(), round(interval_s * 1e6)
    for each in seconds:
        found.record_corrected(round(each * 1e6), interval)
    return found


def together(runs: Sequence[Mapping[Phase, Histogram]]) -> dict[Phase, Histogram]:
    """All runs in one."""
    found = {phase: Histogram() for phase in Phase}
    for run in runs:
        for phase, histogram in run.items():
            found[phase].add(histogram)
    return found
