"""What runs, what waits, and in a sentence why: the answer of ``mtalab status``.

The full diagnosis, message by message and gate by gate, is a later work under ``monitor/why/``;
here each waiting group gets the first cause that keeps the whole group from moving.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from affinity.configuration import Configuration
from affinity.lane import lane_of, limits_of_group
from affinity.route import Routes, outside
from affinity.slots import Slots
from mail.notation import said_duration
from monitor.lanes import all_suspended
from store import deliveries, halts, lanes, modules, queues
from store.engine import Store

LOST_AFTER_S: Final = 5.0  # two heartbeats of a module missed, or five of a worker

State = Literal["running", "stopped", "lost"]


@dataclass(frozen=True, slots=True)
class ModuleLine:
    """One module or worker; times in epoch seconds."""

    name: str
    state: State
    pid: int
    host: str
    since: float
    heartbeat_at: float
    memory_bytes: int
    detail: str


@dataclass(frozen=True, slots=True)
class QueueLine:
    """Messages of one delivery in one place, and why they are there."""

    delivery_id: int
    mx_group: str
    place: Literal["waiting", "in hand", "retrying"]
    lane: str | None
    worker: str | None
    messages: int
    cause: str
    blocked: bool  # nothing but a change will move it


@dataclass(frozen=True, slots=True)
class Status:
    """The whole answer."""

    now: float
    modules: tuple[ModuleLine, ...]
    deliveries: tuple[deliveries.Delivery, ...]
    queues: tuple[QueueLine, ...]


def status(
    store: Store, configuration: Configuration, now: float, missing: Iterable[str]
) -> Status:
    """Read everything; ``missing`` names configured modules to expect (``mta@promo1`` …)."""
    lines = list(_modules(store, now))
    known = {line.name for line in lines}
    lines.extend(
        ModuleLine(name, "stopped", 0, "", 0.0, 0.0, 0, "never started")
        for name in missing
        if name not in known
    )
    workers = store.read_now(modules.live_workers)
    alive = [each for each in workers if now - each.heartbeat_at <= LOST_AFTER_S]
    is_scheduling = any(
        each.name == modules.SCHEDULER and each.state == "running" for each in lines
    )
    names = {each.id: f"mta@{each.instance}-{each.id}" for each in workers}
    causes = _Causes(
        configuration,
        alive,
        store.read_now(halts.halts),
        store.read_now(lanes.suspensions, now),
        is_scheduling=is_scheduling,
    )
    found = {each.id: each for each in store.read_now(deliveries.find, limit=1000)}
    return Status(
        now,
        tuple(lines),
        tuple(found.values()),
        tuple(_queues(store, found, causes, names, now)),
    )


def _modules(store: Store, now: float) -> Iterator[ModuleLine]:
    for module in store.read_now(modules.modules):
        yield ModuleLine(
            module.name,
            _state(module.stopped_at, module.heartbeat_at, now),
            module.pid,
            module.host,
            module.started_at,
            module.heartbeat_at,
            module.memory_bytes,
            module.detail,
        )
    workers = store.read_now(modules.live_workers)
    halted = store.read_now(halts.halts)
    for instance in store.read_now(modules.instances):
        yield ModuleLine(
            f"mta@{instance.name}",
            "stopped"
            if instance.name in halted
            else _state(instance.stopped_at, instance.heartbeat_at, now),
            instance.pid,
            instance.host,
            instance.started_at,
            instance.heartbeat_at,
            instance.memory_bytes,
            _detail(instance, halted.get(instance.name), now),
        )
        for worker in workers:
            if worker.instance == instance.name:
                cannot = ", ".join(worker.unbindable)
                yield ModuleLine(
                    f"mta@{instance.name}-{worker.id}",
                    _state(None, worker.heartbeat_at, now),
                    worker.pid,
                    worker.host,
                    worker.started_at,
                    worker.heartbeat_at,
                    worker.memory_bytes,
                    f"cannot send from {cannot}" if cannot else "",
                )


def _detail(instance: modules.Instance, halt: halts.Halt | None, now: float) -> str:
    if halt is not None:
        return f"stopped by hand {said_duration(now - halt.at)} ago by {halt.by}"
    return "affinities: " + ", ".join(instance.affinities)


def _state(stopped_at: float | None, heartbeat_at: float, now: float) -> State:
    if stopped_at is not None:
        return "stopped"
    return "running" if now - heartbeat_at <= LOST_AFTER_S else "lost"


def _queues(
    store: Store,
    found: Mapping[int, deliveries.Delivery],
    causes: "_Causes",
    names: Mapping[int, str],
    now: float,
) -> Iterator[QueueLine]:
    for waiting in store.read_now(queues.waiting):
        delivery = found.get(waiting.delivery_id)
        cause, blocked = causes.of(waiting, delivery, now)
        yield QueueLine(
            waiting.delivery_id,
            waiting.mx_group,
            "waiting",
            None,
            None,
            waiting.messages,
            cause,
            blocked,
        )
    for held in store.read_now(queues.in_hand):
        worker = names.get(held.worker_id, f"worker {held.worker_id}")
        yield QueueLine(
            held.delivery_id,
            held.lane.partition(">")[2],
            "in hand",
            held.lane,
            worker,
            held.messages,
            f"being sent by {worker} from {held.source_ip}",
            blocked=False,
        )
    for retrying in store.read_now(queues.retrying):
        yield QueueLine(
            retrying.delivery_id,
            retrying.mx_group,
            "retrying",
            None,
            None,
            retrying.messages,
            causes.of_retries(retrying, found.get(retrying.delivery_id), now),
            blocked=False,
        )


class _Causes:
    """Why a group of queued parts waits: the outermost cause first."""

    def __init__(
        self,
        configuration: Configuration,
        workers: Collection[modules.Worker],
        halted: Mapping[str, halts.Halt],
        shut: Mapping[str, lanes.Suspension],
        *,
        is_scheduling: bool,
    ) -> None:
        self._configuration = configuration
        self._workers = workers
        self._halted, self._shut = halted, shut
        self._is_scheduling = is_scheduling
        self._routes = Routes(configuration.route)

    def of(
        self, group: queues.Waiting, delivery: deliveries.Delivery | None, now: float
    ) -> tuple[str, bool]:
        """The cause in words, and whether only a change can move the group."""
        checks: tuple[Callable[[], str | None], ...] = (
            lambda: self._date(delivery, now),
            lambda: None if self._is_scheduling else "no scheduler is running",
            lambda: self._by_hand(group.affinity),
            lambda: None if self._workers else "no MTA instance is running",
            lambda: self._affinity(group.affinity),
            lambda: self._route(group.mx_group),
            lambda: self._source_ips(group),
        )
        for place, check in enumerate(checks):
            cause = check()
            if cause is not None:
                return cause, place > 0
        return self._suspended(group, now) or (self._pace(group.mx_group), False)

    def of_retries(
        self, group: queues.Retrying, delivery: deliveries.Delivery | None, now: float
    ) -> str:
        """Why deferred messages wait."""
        wait = group.earliest_at - now
        due = f"the next is due in {said_duration(wait)}" if wait > 0 else "the next is due now"
        return self._date(delivery, now) or f"deferred by the receiver, {due}"

    def _pace(self, mx_group: str) -> str:
        """Nothing is in its way but others, and the limit on its lanes where there is one."""
        limits = limits_of_group(self._configuration, self._routes, mx_group)
        if limits.messages_per_hour is None:
            return "waiting its turn"
        whom = "all source IPs together" if limits.shared else "each source IP"
        slots = " in slots of five minutes" if isinstance(limits.rate, Slots) else ""
        return (
            f"waiting its turn: {limits.messages_per_hour} messages an hour{slots} from {whom} "
            f"(MX rule {limits.because['messages_per_hour']})"
        )

    def _date(self, delivery: deliveries.Delivery | None, now: float) -> str | None:
        if delivery is None:
            return None
        if delivery.contact_at > now:
            return f"its contact date is {said_duration(delivery.contact_at - now)} ahead"
        return "the delivery is paused" if delivery.status == "paused" else None

    def _by_hand(self, affinity: str) -> str | None:
        """An operator stopped all instances that have the affinity and could run."""
        if any(affinity in each.affinities for each in self._workers):
            return None
        stopped = [
            name
            for name, each in self._configuration.mta.items()
            if affinity in each.affinities and name in self._halted
        ]
        if not stopped:
            return None
        names, by = ", ".join(f"mta@{each}" for each in stopped), self._halted[stopped[0]].by
        return f"{names} was stopped by hand ({by}); `mtalab mta start {stopped[0]}`"

    def _suspended(self, group: queues.Waiting, now: float) -> tuple[str, bool] | None:
        limits = limits_of_group(self._configuration, self._routes, group.mx_group)
        keys = {str(lane_of(ip, group.mx_group, limits)) for ip in self._able(group)}
        return all_suspended(keys, self._shut, now)

    def _affinity(self, name: str) -> str | None:
        served = {each for worker in self._workers for each in worker.affinities}
        if name in served:
            return None
        near = difflib.get_close_matches(name, served, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        has = ", ".join(sorted(served)) or "none"
        return f"no running MTA instance has affinity {name!r} (they have: {has}){hint}"

    def _source_ips(self, group: queues.Waiting) -> str | None:
        affinity = self._configuration.affinity.get(group.affinity)
        if affinity is None:
            return f"affinity {group.affinity!r} is not defined"
        if not group.source_ips:
            return f"the masks of affinity {group.affinity!r} leave no source IP for its domain"
        weighted = {ip.address for ip in affinity.ip if ip.weight > 0}
        usable = weighted & set(group.source_ips)
        if not usable:
            return f"the source IPs left to it all have weight 0: {', '.join(group.source_ips)}"
        if not self._able(group):
            return f"no worker's host can send from {', '.join(sorted(usable))}"
        return None

    def _able(self, group: queues.Waiting) -> set[str]:
        """Source IPs that have weight, are admitted, and that some worker's host can send from."""
        affinity = self._configuration.affinity[group.affinity]
        return {
            ip.address
            for ip in affinity.ip
            if ip.weight > 0
            and ip.address in group.source_ips
            and any(
                group.affinity in each.affinities and ip.address not in each.unbindable
                for each in self._workers
            )
        }

    def _route(self, mx_group: str) -> str | None:
        route = self._routes.route_for(mx_group)
        if route is None:
            return f"no route leads to {mx_group}"
        hosts = outside(route, self._configuration.lab.allow_networks)
        if hosts:
            return f"{', '.join(hosts)}: outside this machine, and not in allow_networks"
        return None
