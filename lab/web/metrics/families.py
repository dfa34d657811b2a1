"""Samples gathered under the metrics of the catalogue."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import Metric as Family
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from lab.web.metrics.catalogue import METRICS
from store.tally import BOUNDS_S, Times

LABELLED_MOST: Final = 2000  # samples of one metric: what is more is left out


class Families:
    """All metrics of one scrape; what nothing was added to is left out."""

    def __init__(self) -> None:
        self._families = {each.name: _made(each.kind, each.name, each.what, each.labels)
                          for each in METRICS}  # fmt: skip

    def set(self, name: str, value: float, *labels: object) -> None:
        """A gauge, or a counter."""
        family = self._families[name]
        if len(family.samples) < LABELLED_MOST:
            assert isinstance(family, GaugeMetricFamily | CounterMetricFamily)
            family.add_metric([str(each) for each in labels], value)

    def info(self, name: str, **values: str) -> None:
        family = self._families[name]
        assert isinstance(family, InfoMetricFamily)
        family.add_metric([], values)

    def times(self, name: str, found: Times, *labels: object) -> None:
        """A histogram of what a process timed."""
        self.buckets(name, BOUNDS_S, found.counts, found.sum_s, *labels)

    def buckets(
        self,
        name: str,
        bounds: Sequence[float],
        counts: Sequence[float],
        total: float,
        *labels: object,
    ) -> None:
        """A histogram; ``counts`` has one more than there are bounds, and is not cumulative."""
        family = self._families[name]
        assert isinstance(family, HistogramMetricFamily)
        if len(family.samples) < LABELLED_MOST * 10:
            edges = [*(f"{each:g}" for each in bounds), "+Inf"]
            found = list(zip(edges, accumulate(counts), strict=True))
            family.add_metric([str(each) for each in labels], found, total)

    def all(self) -> Iterable[Family]:
        return [each for each in self._families.values() if each.samples]


def _made(kind: str, name: str, what: str, labels: Sequence[str]) -> Family:
    if kind == "info":
        return InfoMetricFamily(name, what)
    family = {
        "gauge": GaugeMetricFamily,
        "counter": CounterMetricFamily,
        "histogram": HistogramMetricFamily,
    }[kind]
    found: Family = family(name, what, labels=list(labels))
    return found
