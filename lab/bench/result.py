"""What all runs of one benchmark found together."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from lab.bench.histogram import Histogram
from lab.bench.kinds import Kind
from lab.bench.latency import Percentiles, Phase, together
from lab.bench.shares import mean_shares
from lab.bench.trip import Trip
from lab.bench.workload import Workload

_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure of several runs."""

    median: float
    least: float
    most: float
    figures: tuple[float, ...]  # in the order of the runs

    @classmethod
    def of(cls, figures: Sequence[float]) -> Self:
        """That of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures), tuple(figures))


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one benchmark."""

    workload: Workload
    trips: Sequence[Trip]
    rates: Mapping[Kind, Spread]  # messages per second
    absent: Mapping[Kind, str]  # references that were not run, and why

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

    @property
    def submit_per_second(self) -> Spread:
        return Spread.of([each.submit_per_second for each in self.trips])

    @property
    def bits_per_second(self) -> float:
        return statistics.median(each.bits_per_second for each in self.trips)

    @property
    def messages_per_hour(self) -> float:
        return self.rates[Kind.TRIP].median * _HOUR_S

    def ratio_to(self, kind: Kind) -> float | None:
        """The whole trip's median rate over a reference's; None: that was not run."""
        rate = self.rates.get(kind)
        return None if rate is None else self.rates[Kind.TRIP].median / rate.median

    def histograms(self) -> dict[Phase, Histogram]:
        """Every value of every run, by phase, in microseconds."""
        return together([each.latency for each in self.trips])

    def latency(self) -> dict[Phase, Percentiles]:
        return {phase: Percentiles.of(each) for phase, each in self.histograms().items()}

    def time_share(self) -> dict[str, dict[str, float]]:
        """By kind of process and what it did: mean of all runs."""
        return mean_shares([each.shares for each in self.trips])

    def wasted(self) -> dict[str, float]:
        """What was done in vain, per message: mean of all runs."""
        return {
            name: statistics.fmean(each.wasted.get(name, 0.0) for each in self.trips)
            for name in self.trips[0].wasted
        }

    def as_json(self) -> dict[str, Any]:
        """As docs/json.md has it."""
        rates = {kind: self.rates.get(kind) for kind in Kind}
        return {
            "workload": self.workload.as_json(),
            "runs": len(self.trips),
            **{kind.figure: rate and round(rate.median, 1) for kind, rate in rates.items()},
            "ratio_to_bare_loop": _rounded(self.ratio_to(Kind.BARE), 3),
            "messages_per_hour": round(self.messages_per_hour),
            "bits_per_second": round(self.bits_per_second),
            "submit_per_second": round(self.submit_per_second.median, 1),
            "spread": {
                str(kind): rate and [round(rate.least, 1), round(rate.most, 1)]
                for kind, rate in rates.items()
            },
            "absent": {str(kind): why for kind, why in self.absent.items()},
            "latency_ms": {str(phase): asdict(each) for phase, each in self.latency().items()},
            "time_share": {
                kind: {name: round(share, 4) for name, share in shares.items()}
                for kind, shares in self.time_share().items()
            },
            "wasted": {name: round(each, 4) for name, each in self.wasted().items()},
            "cpu_us_per_message": {kind: _rounded(self.cpu_us(kind)) for kind in self.kinds},
            "peak_rss_mb": {kind: _rounded(self.peak_rss_mb(kind)) for kind in self.kinds},
            "figures": {name: list(each) for name, each in self.figures().items()},
            "reconciled": self.is_clean,
        }

    def figures(self) -> dict[str, Sequence[float]]:
        """What `bench compare` compares: of each figure one value a run."""
        found: dict[str, Sequence[float]] = {
            kind.figure: rate.figures for kind, rate in self.rates.items()
        }
        bare = self.rates.get(Kind.BARE)
        if bare is not None:
            rates = self.rates[Kind.TRIP].figures
            found["ratio_to_bare_loop"] = [a / b for a, b in zip(rates, bare.figures, strict=True)]
        found["submit_per_second"] = self.submit_per_second.figures
        for kind in self.kinds:
            used = [each.uses[kind].cpu_s / each.messages * 1e6 for each in self.trips]
            if min(used) > 0:  # the clock of a process ticks a hundred times a second
                found[f"{kind}_cpu_us"] = used
        return found


def _rounded(figure: float | None, digits: int = 1) -> float | None:
    return None if figure is None else round(figure, digits)
