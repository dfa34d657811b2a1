"""Instances and their workers as their page shows them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.instance_lines import Line, lines
from lab.web.lab_here import LabHere
from monitor.status import LOST_AFTER_S
from store import modules, queues, reports
from store.queues import InHand, Traffic
from store.reports import LaneReport, Phase

LANES_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker that lives, or was not buried yet; rates are attempts per second."""

    worker: modules.Worker
    is_lost: bool
    in_hand: int
    lanes: Mapping[str, int]  # messages in hand, the most first
    more_lanes: int
    rate: float
    trouble: float  # of the rate: put off or refused
    phases: Mapping[str, Phase]  # of its connections, by name

    @property
    def state(self) -> str:
        if self.is_lost:
            return "lost"
        return "running" if self.worker.state == modules.ALIVE else str(self.worker.state)


@dataclass(frozen=True, slots=True)
class InstanceLine:
    """An instance with its workers; ``own`` is its own process, None before it ever ran."""

    line: Line
    own: modules.Instance | None
    workers: Sequence[WorkerLine]

    @property
    def rate(self) -> float:
        return sum(each.rate for each in self.workers)


def instance_lines(lab: LabHere) -> list[InstanceLine]:
    now = lab.now()
    since = (now // 60 - 1) * 60  # the last whole minute, and what there is of this one
    held = _by_worker(lab.read(queues.in_hand))
    went = _by_worker(lab.read(queues.traffic, since=since))
    told = _by_worker(lab.read(reports.reports))
    announced = {each.name: each for each in lab.read(modules.instances)}
    workers = [
        _line(each, held[each.id], went[each.id], phases_of(told[each.id]), now, now - since)
        for each in lab.read(modules.live_workers)
    ]
    return [
        InstanceLine(
            each,
            announced.get(each.name),
            [one for one in workers if one.worker.instance == each.name],
        )
        for each in lines(lab.store, lab.loaded, now)
    ]


def _by_worker(found: Sequence[Any]) -> dict[int, list[Any]]:
    by_worker: dict[int, list[Any]] = defaultdict(list)
    for each in found:
        by_worker[each.worker_id].append(each)
    return by_worker


def _line(
    worker: modules.Worker,
    held: Sequence[InHand],
    went: Sequence[Traffic],
    phases: Mapping[str, Phase],
    now: float,
    over_s: float,
) -> WorkerLine:
    lanes: Counter[str] = Counter()
    for each in held:
        lanes[each.lane] += each.messages
    trouble = sum(each.deferred + each.failed for each in went)
    return WorkerLine(
        worker,
        now - worker.heartbeat_at > LOST_AFTER_S,
        lanes.total(),
        dict(lanes.most_common(LANES_SHOWN)),
        max(0, len(lanes) - LANES_SHOWN),
        (sum(each.sent for each in went) + trouble) / over_s,
        trouble / over_s,
        phases,
    )


def phases_of(found: Iterable[LaneReport]) -> dict[str, Phase]:
    """Connections by phase over all lanes; ``since`` of the one that is longest in it."""
    phases: dict[str, Phase] = {}
    for report in found:
        for name, each in report.phases.items():
            known = phases.get(name, Phase(0, each.since))
            both = known.connections + each.connections
            phases[name] = Phase(both, min(known.since, each.since))
    return dict(sorted(phases.items()))


def connections_by_lane(found: Iterable[LaneReport]) -> dict[str, int]:
    """Connections that are in use, by lane.

    The source IPs of a shared lane each tell what all of them use together: that counts once.
    """
    used: dict[tuple[str, int], int] = {}
    for each in found:
        key = each.lane, each.worker_id
        used[key] = max(each.taken, used.get(key, 0))
    lanes: Counter[str] = Counter()
    for (lane, _), taken in used.items():
        lanes[lane] += taken
    return dict(lanes)
