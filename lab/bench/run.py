"""Repeated runs, one of each kind in turn, so that what disturbs the machine disturbs all alike."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.bench.kinds import RUN, Kind, absent
from lab.bench.result import Result, Spread
from lab.bench.trip import Tell, Trip, whole_trip
from lab.bench.workload import Workload


def run_bench(
    workload: Workload, runs: int, wanted: Sequence[Kind], keep: Path | None, tell: Tell
) -> Result:
    """Run the whole trip and its references in turn.

    Args:
        workload: what is sent.
        runs: of each kind, at least one.
        wanted: the references; those that cannot be run here are left out, and the result says why.
        keep: a new folder in which the labs stay; None: they are removed.
        tell: hears what goes on.

    Raises:
        BenchStuck, ReferenceFailed: a run did not come to its end.
    """
    trips: list[Trip] = []
    without = absent(wanted)
    rates: dict[Kind, list[float]] = {each: [] for each in Kind if each not in without}
    with bench_folder(keep) as folder:
        for number in range(1, runs + 1):
            here = folder / f"run{number}"
            trips.append(whole_trip(workload, here, tell, keep=keep is not None))
            rates[Kind.TRIP].append(trips[-1].messages_per_second)
            for kind, figures in rates.items():
                if kind is not Kind.TRIP:
                    tell(kind.replace("_", " "), 0, 1)
                    figures.append(RUN[kind](workload, here))
    return Result(workload, trips, {kind: Spread.of(each) for kind, each in rates.items()}, without)


@contextlib.contextmanager
def bench_folder(keep: Path | None) -> Iterator[Path]:
    """Where the labs of a benchmark are: the folder to keep, or one that goes at the end."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="mtalab-bench-") as name:
        yield Path(name)
