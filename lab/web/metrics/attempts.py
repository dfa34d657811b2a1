"""Attempts since the lab's first minute, each minute read once."""

from collections import defaultdict
from typing import Final

from lab.web.lab_here import LabHere
from store import metrics
from store.queues import Traffic

Way = tuple[str, str, str]  # instance, source IP, MX group
_SETTLED_MINUTES: Final = 10  # a worker that could not reach the store records late


class Attempts:
    """Sums that only grow, also when old minutes are pruned. Not for two threads at once."""

    def __init__(self) -> None:
        self._known: defaultdict[Way, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._until = 0  # minutes before this one are in what is known

    def sums(self, lab: LabHere) -> dict[Way, tuple[int, int, int, int]]:
        """Sent, deferred, failed, and bytes of what was sent, by way."""
        this = int(lab.now() // 60)
        settled = max(self._until, this - _SETTLED_MINUTES)
        for each in lab.read(metrics.attempts, self._until, settled):
            _add(self._known[_way(each)], each)
        self._until = settled
        found: defaultdict[Way, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for way, known in self._known.items():
            found[way] = list(known)
        for each in lab.read(metrics.attempts, settled, this + 2):
            _add(found[_way(each)], each)
        return {way: (sums[0], sums[1], sums[2], sums[3]) for way, sums in found.items()}


def _way(each: Traffic) -> Way:
    return each.mta, each.source_ip, each.mx_group


def _add(sums: list[int], each: Traffic) -> None:
    for place, value in enumerate((each.sent, each.deferred, each.failed, each.bytes)):
        sums[place] += value
