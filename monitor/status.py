"""What runs, what waits, and why: the answer of ``mtalab status``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from affinity.configuration import Configuration
from mail.notation import said_duration
from monitor.why.diagnosis import diagnose
from monitor.why.facts import LOST_AFTER_S
from monitor.why.finding import Finding
from monitor.why.host import HostFacts
from store import deliveries, halts, modules
from store.engine import Store

__all__ = ["LOST_AFTER_S", "ModuleLine", "QueueLine", "Status", "status"]

State = Literal["running", "stopped", "lost"]
Place = Literal["waiting", "in hand", "retrying"]
_NOTHING_SEEN: Final = HostFacts()
_PLACES: Final[Mapping[str, Place]] = {
    "queued": "waiting",
    "in hand": "in hand",
    "retrying": "retrying",
}


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
    place: Place
    lane: str | None
    worker: str | None
    messages: int
    cause: str  # in words
    blocked: bool  # nothing but a change will move it
    code: str  # of the cause, or ready or in_flight
    earliest_at: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole answer."""

    now: float
    modules: tuple[ModuleLine, ...]
    deliveries: tuple[deliveries.Delivery, ...]
    queues: tuple[QueueLine, ...]


def status(
    store: Store,
    configuration: Configuration,
    now: float,
    missing: Iterable[str],
    seen: HostFacts = _NOTHING_SEEN,
) -> Status:
    """Read everything; ``missing`` names configured modules to expect (``mta@promo1`` …)."""
    lines = module_lines(store, now, missing)
    found = store.read_now(deliveries.find, limit=1000)
    diagnosis = diagnose(store, configuration, now, seen=seen)
    return Status(now, tuple(lines), tuple(found), tuple(map(_line, diagnosis.findings)))


def _line(found: Finding) -> QueueLine:
    return QueueLine(
        found.delivery_id,
        found.mx_group,
        _PLACES[found.place],
        found.lane,
        found.worker,
        found.messages,
        found.words,
        found.blocked,
        found.code,
        found.earliest_at,
    )


def module_lines(store: Store, now: float, missing: Iterable[str]) -> list[ModuleLine]:
    """All modules and workers, and those that are expected and never started."""
    lines = list(_modules(store, now))
    known = {line.name for line in lines}
    lines.extend(
        ModuleLine(name, "stopped", 0, "", 0.0, 0.0, 0, "never started")
        for name in missing
        if name not in known
    )
    return lines


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
