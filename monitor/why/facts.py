"""What the gates may ask: the store's view, the configuration, the time, and what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from affinity.configuration import Affinity, Configuration, Route
from affinity.lane import Limits, lane_of, limits_of_group
from affinity.route import Routes, outside
from affinity.warmup import Account
from monitor.why.host import HostFacts
from store import modules
from store.pending import LaneState, Lent, View
from store.queues import Traffic
from store.reports import LaneReport

LOST_AFTER_S: Final = 5.0  # two heartbeats of a module missed, or five of a worker
RATE_OVER_S: Final = 120.0  # the time over which the present rate is reckoned


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be sent on one day: by a source IP to an MX group, or of an affinity."""

    day: int
    used: int
    quota: int
    next_day_at: float


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many deliveries may be under way, and which are."""

    limit: int
    running: tuple[int, ...]
    full_since: float | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """What the gates of features need that not every lab has; empty: none of them stops anything.

    Quotas by account (``affinity.warmup``).
    """

    concurrency: Concurrency | None = None
    quotas: Mapping[Account, Quota] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """One source IP to one MX group, and the lane that it is on."""

    source_ip: str
    mx_group: str
    lane: str
    limits: Limits
    state: LaneState
    tat: float | None  # the limiter's, by the newest that is known
    reports: tuple[LaneReport, ...]  # of workers that are heard
    lent: tuple[Lent, ...]  # what is in hand on the lane

    @property
    def held(self) -> int:
        """Messages in workers' hands on the lane."""
        return sum(each.messages for each in self.lent)


class Facts:
    """Everything that was read at one moment. Pure: it asks nobody."""

    def __init__(
        self,
        now: float,
        configuration: Configuration,
        view: View,
        *,
        seen: HostFacts,
        traffic: Sequence[Traffic] = (),
        pauses: Mapping[int, tuple[float, str]] | None = None,
        features: Features | None = None,
    ) -> None:
        self.now, self.configuration, self.view, self.seen = now, configuration, view, seen
        self.pauses = pauses or {}
        self.features = features or Features()
        self.routes = Routes(configuration.route)
        self._traffic = traffic
        self._ways: dict[tuple[str, str], Way] = {}
        self._limits: dict[str, Limits] = {}
        self._closed: dict[str, tuple[str, ...]] = {}
        self._serving: dict[str, tuple[modules.Worker, ...]] = {}

    @property
    def lease_s(self) -> float:
        return self.configuration.scheduler.lease

    # --- who lives -------------------------------------------------------------------------------

    @cached_property
    def scheduler(self) -> modules.Module | None:
        return next((each for each in self.view.services if each.name == modules.SCHEDULER), None)

    @cached_property
    def is_scheduling(self) -> bool:
        found = self.scheduler
        if found is None or found.stopped_at is not None:
            return False
        heard_at = max(found.heartbeat_at, found.reference_at or found.heartbeat_at)
        return self._lives(modules.SCHEDULER, heard_at, LOST_AFTER_S)

    def _lives(self, name: str, heard_at: float, within_s: float) -> bool:
        if self.now - heard_at <= within_s:
            return True
        # Whoever cannot write cannot say that it lives either.
        return self.seen.store_trouble is not None and name in self.seen.running

    def is_heard(self, worker: modules.Worker) -> bool:
        """Whether a worker lives as far as its heartbeat tells."""
        name = f"mta@{worker.instance}-{worker.id}"
        return self._lives(name, heard_at(worker), self._patience(worker))

    def _patience(self, worker: modules.Worker) -> float:
        instance = self.configuration.mta.get(worker.instance)
        return LOST_AFTER_S if instance is None else max(LOST_AFTER_S, 3 * instance.heartbeat)

    @cached_property
    def workers(self) -> tuple[modules.Worker, ...]:
        """Those that are heard."""
        return tuple(each for each in self.view.workers if self.is_heard(each))

    @cached_property
    def by_number(self) -> Mapping[int, modules.Worker]:
        return {each.id: each for each in self.view.workers}

    @cached_property
    def instances(self) -> tuple[modules.Instance, ...]:
        """Those that run, with or without workers that are heard."""
        busy = {each.instance for each in self.workers}
        return tuple(
            each
            for each in self.view.instances
            if each.name in busy
            or (
                each.stopped_at is None
                and each.name not in self.view.halts
                and self._lives(f"mta@{each.name}", each.heartbeat_at, LOST_AFTER_S)
            )
        )

    def serving(self, affinity: str) -> tuple[modules.Worker, ...]:
        """Workers that are heard, take parts and serve an affinity."""
        found = self._serving.get(affinity)
        if found is None:
            found = self._serving[affinity] = tuple(
                each
                for each in self.workers
                if affinity in each.affinities and each.state == modules.ALIVE
            )
        return found

    @cached_property
    def served(self) -> frozenset[str]:
        """Affinities that something that runs is configured with."""
        told = {each.instance for each in self.workers}
        # An instance whose workers are still to come is known by its own word.
        silent = [each.affinities for each in self.instances if each.name not in told]
        heard = [each.affinities for each in self.workers]
        return frozenset(name for each in (*heard, *silent) for name in each)

    # --- where mail may go -----------------------------------------------------------------------

    def affinity(self, name: str) -> Affinity | None:
        return self.configuration.affinity.get(name)

    def route(self, mx_group: str) -> Route | None:
        return self.routes.route_for(mx_group)

    def closed(self, mx_group: str) -> tuple[str, ...]:
        """The hosts of a route that nothing may be sent to; empty if one of them is open."""
        found = self._closed.get(mx_group)
        if found is None:
            route = self.route(mx_group)
            hosts = [] if route is None else outside(route, self.configuration.lab.allow_networks)
            found = self._closed[mx_group] = tuple(hosts)
        return found

    def limits(self, mx_group: str) -> Limits:
        found = self._limits.get(mx_group)
        if found is None:
            found = limits_of_group(self.configuration, self.routes, mx_group)
            self._limits[mx_group] = found
        return found

    def way(self, source_ip: str, mx_group: str) -> Way:
        found = self._ways.get((source_ip, mx_group))
        if found is None:
            found = self._ways[source_ip, mx_group] = self._way(source_ip, mx_group)
        return found

    def _way(self, source_ip: str, mx_group: str) -> Way:
        limits = self.limits(mx_group)
        lane = str(lane_of(source_ip, mx_group, limits))
        state = self.view.lanes.get(lane, LaneState())
        reports = tuple(self._reports.get(lane, ()))
        tats = [each.tat for each in reports if each.tat is not None]
        if state.tat is not None:
            tats.append(state.tat)
        return Way(
            source_ip,
            mx_group,
            lane,
            limits,
            state,
            max(tats, default=None),
            tuple(each for each in reports if limits.shared or each.source_ip == source_ip),
            tuple(self._lent.get(lane, ())),
        )

    @cached_property
    def _reports(self) -> Mapping[str, Sequence[LaneReport]]:
        found: dict[str, list[LaneReport]] = {}
        for each in self.view.reports:
            worker = self.by_number.get(each.worker_id)
            # What one told who has been silent since is not so any more.
            if worker is not None and self.now - heard_at(worker) <= self._patience(worker):
                found.setdefault(each.lane, []).append(each)
        return found

    @cached_property
    def _lent(self) -> Mapping[str, Sequence[Lent]]:
        found: dict[str, list[Lent]] = {}
        for each in self.view.lent:
            found.setdefault(each.lane, []).append(each)
        return found

    def told_at(self, report: LaneReport) -> float:
        """Until when a report held: a row stands as long as the heartbeats find it unchanged."""
        return min(self.now, heard_at(self.by_number[report.worker_id]))

    def rate(self, mx_group: str) -> float:
        """Outcomes a second for an MX group, over the last minutes."""
        return self._rates.get(mx_group, 0.0)

    @cached_property
    def _rates(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for each in self._traffic:
            done = (each.sent + each.deferred + each.failed) / RATE_OVER_S
            found[each.mx_group] = found.get(each.mx_group, 0.0) + done
        return found


def heard_at(worker: modules.Worker) -> float:
    """When a worker was last heard, by its own clock or the scheduler's."""
    return max(worker.heartbeat_at, worker.reference_at or worker.heartbeat_at)
