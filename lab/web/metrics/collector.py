"""One scrape: the store is asked for sums, and each question is timed."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Final, ParamSpec, TypeVar

from prometheus_client import Metric as Family

from lab.host_facts import host_facts
from lab.instance_lines import Line, lines
from lab.shapes.status import expected
from lab.web.lab_here import LabHere
from lab.web.metrics.attempts import Attempts
from lab.web.metrics.families import Families
from monitor.lanes import lane_lines
from monitor.queue import EDGES_MIN, queue_now
from monitor.status import module_lines
from monitor.why.diagnosis import Diagnosis, diagnose
from store import address_search, ages, metrics, schema
from store.metrics import Told
from store.reports import LaneReport, reports
from world.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")
KEPT_S: Final = 5.0  # a diagnosis is as old as this at most
_LOOKS: Final = {"claims": "claim", "pulls": "pull", "rounds": "round"}
_STORE: Final = "store."


class Collector:
    """Scrapes one lab. A scrape waits for the one before."""

    def __init__(self, lab: LabHere) -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._attempts = Attempts()
        self._diagnosis: tuple[float, Diagnosis] | None = None

    def collect(self) -> Iterable[Family]:
        with self._lock:
            scrape = _Scrape(self._lab)
            scrape.messages(self._attempts)
            scrape.pending(self._diagnosed(scrape))
            scrape.lanes()
            scrape.modules()
            scrape.told()
            scrape.came_back()
            return scrape.found.all()

    def _diagnosed(self, scrape: "_Scrape") -> Diagnosis:
        now = self._lab.clock.monotonic()
        if self._diagnosis is None or now - self._diagnosis[0] > KEPT_S:
            self._diagnosis = now, scrape.diagnosis()
        return self._diagnosis[1]


class _Scrape:
    def __init__(self, lab: LabHere) -> None:
        self._lab, self.found = lab, Families()
        self._now, self._configuration = lab.now(), lab.loaded.configuration
        self.found.info(
            "mtalab_build",
            version=version("mtalab"),
            schema=schema.HEAD,
            database=lab.store.url.partition(":")[0].partition("+")[0],
        )

    def _ask(self, question: str, read: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        clock: Clock = self._lab.clock
        began = clock.monotonic()
        found = read(*args, **kwargs)
        took = clock.monotonic() - began
        self.found.set("mtalab_scrape_store_seconds", took, question)
        return found

    def messages(self, attempts: Attempts) -> None:
        lab = self._lab
        for status, count in self._ask("messages", lab.read, metrics.messages).items():
            self.found.set("mtalab_messages_current", count, status)
        for state, count in self._ask("deliveries", lab.read, metrics.deliveries).items():
            self.found.set("mtalab_deliveries", count, state)
        for way, (sent, deferred, failed, size) in self._ask(
            "attempts", attempts.sums, lab
        ).items():
            for name, count in (("sent", sent), ("deferred", deferred), ("failed", failed)):
                self.found.set("mtalab_messages", count, name, *way)
            self.found.set("mtalab_sent_bytes", size, *way)

    def diagnosis(self) -> Diagnosis:
        seen = host_facts(self._lab.store, self._now)
        return self._ask(
            "why", diagnose, self._lab.store, self._configuration, self._now, seen=seen
        )

    def pending(self, diagnosis: Diagnosis) -> None:
        counts: Counter[tuple[str, bool]] = Counter()
        for each in diagnosis.findings:
            counts[each.code, each.blocked] += each.messages
        for (code, is_blocked), count in sorted(counts.items()):
            self.found.set("mtalab_pending_messages", count, code, str(is_blocked).lower())
        queue = self._ask("queue", queue_now, self._lab.store, self._configuration, self._now, None)
        bounds = [60.0 * each for each in EDGES_MIN]
        least = [0.0, *bounds]
        total = sum(age * count for age, count in zip(least, queue.totals, strict=True))
        self.found.buckets("mtalab_pending_age_seconds", bounds, queue.totals, total)
        waiting = {each.delivery_id for each in diagnosis.findings}
        submitted = [
            each.submitted_at
            for each in self._lab.read(ages.origins).values()
            if each.delivery_id in waiting
        ]
        oldest = self._now - min(submitted) if submitted else 0.0
        self.found.set("mtalab_pending_oldest_seconds", oldest)

    def lanes(self) -> None:
        found = self._ask("lanes", lane_lines, self._lab.store, self._configuration, self._now)
        for each in found:
            if each.max_connections is not None:
                self.found.set("mtalab_lane_connections_limit", each.max_connections, each.lane)
            if each.messages_per_hour is not None:
                self.found.set(
                    "mtalab_lane_messages_per_hour_limit", each.messages_per_hour, each.lane
                )
            self.found.set("mtalab_lane_in_hand_messages", each.in_hand, each.lane)
            is_shut = each.suspended_until is not None
            self.found.set("mtalab_lane_suspended", is_shut, each.lane)
        self._connections(self._ask("connections", self._lab.read, reports))

    def _connections(self, found: Iterable[LaneReport]) -> None:
        taken: Counter[str] = Counter()
        phases: Counter[str] = Counter()
        since: defaultdict[str, float] = defaultdict(lambda: self._now)
        for each in found:
            taken[each.lane] += each.taken
            for name, phase in each.phases.items():
                phases[name] += phase.connections
                since[name] = min(since[name], phase.since)
        for lane, count in sorted(taken.items()):
            self.found.set("mtalab_lane_connections", count, lane)
        for name, count in sorted(phases.items()):
            self.found.set("mtalab_phase_connections", count, name)
            self.found.set("mtalab_phase_oldest_seconds", max(0.0, self._now - since[name]), name)

    def modules(self) -> None:
        lab = self._lab
        for each in self._ask("modules", module_lines, lab.store, self._now, expected(lab.loaded)):
            self.found.set("mtalab_up", each.state == "running", each.name)
            if each.state != "stopped":
                age = max(0.0, self._now - each.heartbeat_at)
                self.found.set("mtalab_heartbeat_age_seconds", age, each.name)
                self.found.set("mtalab_memory_bytes", each.memory_bytes, each.name)
        instances: list[Line] = self._ask("instances", lines, lab.store, lab.loaded, self._now)
        for line in instances:
            self.found.set("mtalab_workers", line.workers, line.name)
            self.found.set("mtalab_workers_configured", line.configured, line.name)

    def told(self) -> None:
        """What processes counted: it begins anew with each process, as counters may."""
        for each in self._ask("tallies", self._lab.read, metrics.told):
            worker = "" if each.worker_id is None else str(each.worker_id)
            if each.module == "sinks":
                self._sinks(each)
                continue
            counts = each.tally.counts
            for name, look in _LOOKS.items():
                if name in counts:
                    labels = (each.module, worker, look)
                    self.found.set("mtalab_wakeups", counts[name], *labels)
                    self.found.set("mtalab_wakeups_in_vain", counts[f"{name}_in_vain"], *labels)
            if "rows_read" in counts:
                self.found.set("mtalab_rows_read", counts["rows_read"], each.module, worker)
            self._times(each, worker)

    def _times(self, told: Told, worker: str) -> None:
        instance = told.module.removeprefix("mta@")
        if worker:
            back = told.tally.counts["given_back"]
            self.found.set("mtalab_given_back_messages", back, instance, worker)
        for name, times in sorted(told.tally.times.items()):
            if name.startswith(_STORE):
                operation = name.removeprefix(_STORE)
                self.found.times("mtalab_store_seconds", times, told.module, worker, operation)
            elif worker:
                self.found.times("mtalab_connection_step_seconds", times, instance, worker, name)

    def _sinks(self, told: Told) -> None:
        names = {
            "connections": "mtalab_sink_connections",
            "accepted": "mtalab_sink_received_messages",
            "refused": "mtalab_sink_refused",
        }
        for key, count in sorted(told.tally.counts.items()):
            sink, _, what = key.rpartition(" ")
            self.found.set(names[what], count, sink)

    def came_back(self) -> None:
        lab = self._lab
        for kind, is_machine, logs in self._ask("tracking", lab.read, metrics.tracking):
            machine = str(is_machine).lower()
            self.found.set("mtalab_tracking_logs", logs, kind.label, machine)
        for effect, count in self._ask("inbound", lab.read, metrics.inbound).items():
            self.found.set("mtalab_inbound_mails", count, effect)
        for status, count in self._ask("addresses", lab.read, address_search.counts).items():
            self.found.set("mtalab_addresses", count, status)
