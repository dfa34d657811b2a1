"""Repeated runs, one of each kind in turn, so that what disturbs the machine disturbs all alike."""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from lab.bench import references
from lab.bench.trip import Tell, Trip, whole_trip
from lab.bench.workload import Workload

PLAIN_SHARE: Final = 0.2  # of the messages: the plain loop is slow and its rate steady


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of several runs."""

    median: float
    least: float
    most: float
    figures: tuple[float, ...]  # in the order of the runs

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """That of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures), tuple(figures))


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one benchmark."""

    workload: Workload
    trips: Sequence[Trip]
    rates: Mapping[str, Spread | None]  # by kind, messages per second; None: not installed here

    @property
    def is_clean(self) -> bool:
        """Whether every message of every run is accounted for."""
        return all(each.reconciliation["ok"] for each in self.trips)

    def cpu_us(self, kind: str) -> float:
        """Processor time per message of one kind of process, in microseconds: median."""
        return statistics.median(each.uses[kind].cpu_s / each.messages * 1e6 for each in self.trips)

    def peak_rss_mb(self, kind: str) -> float:
        """The most memory that one process of a kind had in any run, in megabytes."""
        return max(each.uses[kind].peak_rss_mb for each in self.trips)

    @property
    def kinds(self) -> list[str]:
        """The kinds of process that were seen in every run."""
        return sorted(set.intersection(*(set(each.uses) for each in self.trips)))

    def ratio_to(self, kind: str) -> float | None:
        """The whole trip's median rate over a reference's; None: that is not installed."""
        trip, rate = self.rates[TRIP], self.rates[kind]
        return None if trip is None or rate is None else trip.median / rate.median

    def as_json(self) -> dict[str, Any]:
        """As docs/json.md has it."""
        return {
            "workload": asdict(self.workload),
            "runs": len(self.trips),
            "messages_per_second": _median(self.rates[TRIP]),
            "bare_loop_per_second": _median(self.rates[BARE]),
            "ratio_to_bare_loop": _rounded(self.ratio_to(BARE), 3),
            "plain_loop_per_second": _median(self.rates[PLAIN]),
            "smtp_source_per_second": _median(self.rates[SOURCE]),
            "submit_per_second": _median(
                Spread.of([each.submit_per_second for each in self.trips])
            ),
            "spread": {
                kind: None if rate is None else [_rounded(rate.least), _rounded(rate.most)]
                for kind, rate in self.rates.items()
            },
            "cpu_us_per_message": {kind: _rounded(self.cpu_us(kind)) for kind in self.kinds},
            "peak_rss_mb": {kind: _rounded(self.peak_rss_mb(kind)) for kind in self.kinds},
            "figures": {name: list(each) for name, each in self.figures().items()},
            "reconciled": self.is_clean,
        }

    def figures(self) -> dict[str, Sequence[float]]:
        """What `bench compare` compares: of each figure one value a run."""
        found: dict[str, Sequence[float]] = {
            f"{_FIGURE_OF[kind]}_per_second": rate.figures
            for kind, rate in self.rates.items()
            if rate is not None
        }
        bare = self.rates[BARE]
        if bare is not None:
            rates = [each.messages_per_second for each in self.trips]
            found["ratio_to_bare_loop"] = [a / b for a, b in zip(rates, bare.figures, strict=True)]
        found["submit_per_second"] = [each.submit_per_second for each in self.trips]
        for kind in self.kinds:
            used = [each.uses[kind].cpu_s / each.messages * 1e6 for each in self.trips]
            if min(used) > 0:  # the clock of a process ticks a hundred times a second
                found[f"{kind}_cpu_us"] = used
        return found


TRIP: Final = "whole_trip"
BARE: Final = "bare_loop"
PLAIN: Final = "plain_loop"
SOURCE: Final = "smtp_source"
_FIGURE_OF: Final = {TRIP: "messages", BARE: BARE, PLAIN: PLAIN, SOURCE: SOURCE}


def run_bench(workload: Workload, runs: int, keep: Path | None, tell: Tell) -> Result:
    """Run the whole trip and its references in turn.

    Args:
        workload: what is sent.
        runs: of each kind, at least one.
        keep: a new folder in which the labs stay; None: they are removed.
        tell: hears what goes on.

    Raises:
        BenchStuck, ReferenceFailed: a run did not come to its end.
    """
    trips: list[Trip] = []
    rates: dict[str, list[float]] = {TRIP: [], BARE: [], PLAIN: [], SOURCE: []}
    with _folder(keep) as folder:
        for number in range(1, runs + 1):
            trips.append(whole_trip(workload, folder / f"run{number}", tell))
            rates[TRIP].append(trips[-1].messages_per_second)
            for kind, figure in _references(workload, folder, tell):
                rates[kind] += [] if figure is None else [figure]
    return Result(
        workload, trips, {kind: Spread.of(each) if each else None for kind, each in rates.items()}
    )


def _references(workload: Workload, folder: Path, tell: Tell) -> Iterator[tuple[str, float | None]]:
    fewer = workload.fewer(PLAIN_SHARE)
    each: tuple[tuple[str, Callable[[], float | None]], ...] = (
        (BARE, lambda: references.bare_loop(workload, folder)),
        (PLAIN, lambda: references.plain_loop(fewer, folder)),
        (SOURCE, lambda: references.smtp_source(workload)),
    )
    for kind, run in each:
        tell(kind.replace("_", " "), 0, 1)
        yield kind, run()
        tell(kind.replace("_", " "), 1, 1)


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="mtalab-bench-") as name:
        yield Path(name)


def _rounded(figure: float | None, digits: int = 1) -> float | None:
    return None if figure is None else round(figure, digits)


def _median(rate: Spread | None) -> float | None:
    return None if rate is None else round(rate.median, 1)
