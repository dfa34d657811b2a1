"""The processes of the lab as they announce themselves: instances, workers, scheduler, sinks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Row, ScalarSelect, Table, bindparam, func, select

from store import tables
from store.engine import Tx
from world.crash import reach

ALIVE: Final = "alive"
STOPPING: Final = "stopping"  # takes no more parts, finishes what it has
STOPPED: Final = "stopped"  # left in good order: nothing of it is in anybody's hand
DEAD: Final = "dead"  # its journal is replayed and its parts are taken back

_CHUNK: Final = 900  # below the number of variables that every SQLite build allows (999)
_LIVE: Final = (ALIVE, STOPPING)
_LIVE_WORKERS: Final = (  # asked for in every round
    select(tables.worker).where(tables.worker.c.state.in_(_LIVE)).order_by(tables.worker.c.id)
)

SCHEDULER: Final = "scheduler"
SINKS: Final = "sinks"
SUBMISSION: Final = "submission"
INMAIL: Final = "inmail"
TRACKING: Final = "tracking"
WEB: Final = "web"
WEBHOOKS: Final = "webhooks"
READERS: Final = "readers"


@dataclass(frozen=True, slots=True)
class Process:
    """Where a module runs and what it weighs."""

    host: str
    pid: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Instance:
    """``mta@NAME`` as it last announced itself."""

    name: str
    affinities: tuple[str, ...]
    workers: int
    host: str
    pid: int
    started_at: float
    heartbeat_at: float
    memory_bytes: int
    stopped_at: float | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process as it last announced itself; ``unbindable`` IPs it cannot send from."""

    id: int
    instance: str
    affinities: tuple[str, ...]
    host: str
    pid: int
    journal: str
    state: str
    unbindable: tuple[str, ...]
    started_at: float
    heartbeat_at: float
    memory_bytes: int
    bind_errors: Mapping[str, str] = field(default_factory=dict)  # by IP, why it cannot
    reference_at: float | None = None  # the scheduler's newest heartbeat at its own: no later
    progress_at: float | None = None  # when a receiver last answered it
    trouble: str | None = None  # why it cannot record outcomes
    backlog: int = 0  # outcomes that it has not recorded


@dataclass(frozen=True, slots=True)
class Module:
    """The scheduler or a group of sinks as it last announced itself."""

    name: str
    host: str
    pid: int
    detail: str
    started_at: float
    heartbeat_at: float
    memory_bytes: int
    stopped_at: float | None
    reference_at: float | None = None  # a scheduler's: the newest heartbeat of a worker at its own


def announce_instance(
    tx: Tx, name: str, affinities: Iterable[str], workers: int, process: Process, now: float
) -> None:
    """An instance started or read a new configuration."""
    row = {
        "name": name,
        "affinities": ",".join(affinities),
        "workers": workers,
        "host": process.host,
        "pid": process.pid,
        "started_at": now,
        "heartbeat_at": now,
        "memory_bytes": process.memory_bytes,
        "stopped_at": None,
    }
    table = tables.mta_instance
    same = (table.c.name == name, table.c.pid == process.pid, table.c.stopped_at.is_(None))
    started = tx.connection.scalar(select(table.c.started_at).where(*same))
    if started is not None:
        row["started_at"] = started
    tx.dialect.put(tx.connection, table, [row])


def beat_instance(tx: Tx, name: str, process: Process, now: float) -> None:
    given = {"_name": name, "_pid": process.pid, "_now": now, "_memory": process.memory_bytes}
    tx.connection.execute(_BEAT_OF_INSTANCE, given)


def stop_instance(tx: Tx, name: str, pid: int, now: float) -> None:
    table = tables.mta_instance
    tx.connection.execute(
        table.update()
        .where(table.c.name == name, table.c.pid == pid)
        .values(stopped_at=now, heartbeat_at=now)
    )


def instances(tx: Tx) -> list[Instance]:
    """All instances that ever announced themselves, by name."""
    query = select(tables.mta_instance).order_by(tables.mta_instance.c.name)
    return [
        Instance(
            row.name,
            _names(row.affinities),
            row.workers,
            row.host,
            row.pid,
            row.started_at,
            row.heartbeat_at,
            row.memory_bytes,
            row.stopped_at,
        )
        for row in tx.connection.execute(query)
    ]


def register_worker(
    tx: Tx, instance: str, affinities: Iterable[str], journal: str, process: Process, now: float
) -> int:
    """A new worker process; its number is its identity in every lease and transition."""
    result = tx.connection.execute(
        tables.worker.insert()
        .values(
            instance=instance,
            affinities=",".join(affinities),
            host=process.host,
            pid=process.pid,
            journal=journal,
            state=ALIVE,
            unbindable="",
            started_at=now,
            heartbeat_at=now,
            memory_bytes=process.memory_bytes,
        )
        .returning(tables.worker.c.id)
    )
    return int(result.scalar_one())


def announce_worker(
    tx: Tx,
    worker_id: int,
    affinities: Iterable[str],
    unbindable: Iterable[str],
    errors: Mapping[str, str] | None = None,
) -> None:
    """A worker read a (new) configuration; ``errors`` says of IPs why they cannot be bound."""
    table = tables.worker
    tx.connection.execute(
        table.update()
        .where(table.c.id == worker_id)
        .values(
            affinities=",".join(affinities),
            unbindable=",".join(unbindable),
            bind_errors=orjson.dumps(dict(errors)).decode() if errors else None,
        )
    )


def _newest_beat(table: Table, *which: ColumnElement[bool]) -> ScalarSelect[float]:
    """The time by others' clocks, to hold one's own against; see ``Worker.reference_at``."""
    return select(func.max(table.c.heartbeat_at)).where(*which).scalar_subquery()


# What comes with every heartbeat is put together once.
_BEAT: Final[dict[str, Any]] = {
    "heartbeat_at": bindparam("_now"),
    "memory_bytes": bindparam("_memory"),
}
_BEAT_OF_WORKER: Final = (
    tables.worker.update()
    .where(tables.worker.c.id == bindparam("_id"), tables.worker.c.state.in_(_LIVE))
    .values(
        **_BEAT,
        reference_at=_newest_beat(tables.module, tables.module.c.name == SCHEDULER),
        progress_at=bindparam("_progress_at"),
        trouble=bindparam("_trouble"),
        backlog=bindparam("_backlog"),
        tally=bindparam("_tally"),
    )
)
_BEAT_OF_INSTANCE: Final = (
    tables.mta_instance.update()
    .where(
        tables.mta_instance.c.name == bindparam("_name"),
        tables.mta_instance.c.pid == bindparam("_pid"),
    )
    .values(**_BEAT)
)
_BEAT_OF_MODULE: Final = (
    tables.module.update()
    .where(tables.module.c.name == bindparam("_name"), tables.module.c.pid == bindparam("_pid"))
    .values(
        **_BEAT,
        reference_at=_newest_beat(tables.worker, tables.worker.c.state.in_(_LIVE)),
        tally=bindparam("_tally"),
    )
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a worker says of itself with its heartbeat."""

    progress_at: float | None = None  # when a receiver last answered it
    trouble: str | None = None  # why outcomes cannot be recorded now
    backlog: int = 0  # outcomes that are not recorded
    tally: str | None = None  # store.tally: what it counted since it began


NO_WORDS: Final = Words()


def beat_worker(
    tx: Tx,
    worker_id: int,
    memory_bytes: int,
    leases: Sequence[int],
    now: float,
    until: float,
    words: Words = NO_WORDS,
) -> bool:
    """The worker lives and renews the leases of these parts.

    Returns False when it has been declared dead: it must stop at once and write nothing.
    """
    part = tables.part
    given = {
        "_id": worker_id,
        "_now": now,
        "_memory": memory_bytes,
        "_progress_at": words.progress_at,
        "_trouble": words.trouble,
        "_backlog": words.backlog,
        "_tally": words.tally,
    }
    alive = tx.connection.execute(_BEAT_OF_WORKER, given).rowcount
    reach("worker.renewing")
    if not alive:
        return False
    for start in range(0, len(leases), _CHUNK):
        some = list(leases[start : start + _CHUNK])
        tx.connection.execute(
            part.update()
            .where(part.c.worker_id == worker_id, part.c.id.in_(some))
            .values(leased_until=until)
        )
    return True


def end_worker(tx: Tx, worker_id: int, state: str, now: float) -> None:
    """The worker stopped in good order, or is dead and cleared up."""
    table = tables.worker
    tx.connection.execute(
        table.update().where(table.c.id == worker_id).values(state=state, heartbeat_at=now)
    )
    report = tables.lane_report
    tx.connection.execute(report.delete().where(report.c.worker_id == worker_id))


def live_workers(tx: Tx) -> list[Worker]:
    """Workers neither stopped nor declared dead, by number."""
    return [_worker(row) for row in tx.connection.execute(_LIVE_WORKERS)]


def takers(tx: Tx, heard_since: float = 0.0) -> list[Worker]:
    """Live workers that take parts and were heard since a time, by number."""
    return [
        each
        for each in live_workers(tx)
        if each.state == ALIVE and each.heartbeat_at >= heard_since
    ]


def taking(tx: Tx, worker_ids: Iterable[int]) -> set[int]:
    """Those of these workers that take parts, and cannot cease to before this transaction ends."""
    table = tables.worker
    query = (
        select(table.c.id)
        .where(table.c.id.in_(sorted(set(worker_ids))), table.c.state == ALIVE)
        .order_by(table.c.id)
        .with_for_update(read=True)
    )
    return set(tx.connection.execute(query).scalars())


def is_burying(tx: Tx, worker_id: int, heard_at: float | None = None) -> bool:
    """Whether the worker is still to be buried; then nobody else can until this ends.

    ``heard_at``: only if nothing was heard of it since.
    """
    table = tables.worker
    mine = [table.c.id == worker_id, table.c.state.in_(_LIVE)]
    if heard_at is not None:
        mine.append(table.c.heartbeat_at <= heard_at)
    return tx.connection.scalar(select(table.c.id).where(*mine).with_for_update()) is not None


def stop_taking(tx: Tx, worker_id: int) -> None:
    """The worker was told to stop: it is to be given nothing more."""
    table = tables.worker
    tx.connection.execute(
        table.update().where(table.c.id == worker_id, table.c.state == ALIVE).values(state=STOPPING)
    )


def workers_with_pids(tx: Tx, host: str, pids: Iterable[int]) -> dict[int, Worker]:
    """The newest worker that each of these processes announced, in whatever state it is now."""
    table = tables.worker
    query = (
        select(table).where(table.c.host == host, table.c.pid.in_(list(pids))).order_by(table.c.id)
    )
    return {row.pid: _worker(row) for row in tx.connection.execute(query)}


def all_workers(tx: Tx) -> list[Worker]:
    """Every worker there ever was, by number."""
    query = select(tables.worker).order_by(tables.worker.c.id)
    return [_worker(row) for row in tx.connection.execute(query)]


def _worker(row: Row[Any]) -> Worker:
    return Worker(
        row.id,
        row.instance,
        _names(row.affinities),
        row.host,
        row.pid,
        row.journal,
        row.state,
        _names(row.unbindable),
        row.started_at,
        row.heartbeat_at,
        row.memory_bytes,
        {} if row.bind_errors is None else orjson.loads(row.bind_errors),
        row.reference_at,
        row.progress_at,
        row.trouble,
        row.backlog or 0,
    )


def announce_module(tx: Tx, name: str, process: Process, detail: str, now: float) -> None:
    """A scheduler or a group of sinks started."""
    row = {
        "name": name,
        "host": process.host,
        "pid": process.pid,
        "detail": detail,
        "started_at": now,
        "heartbeat_at": now,
        "memory_bytes": process.memory_bytes,
        "stopped_at": None,
        "reference_at": None,
        "tally": None,
    }
    tx.dialect.put(tx.connection, tables.module, [row])


@dataclass(frozen=True, slots=True)
class Leader:
    """A scheduler as it announced itself."""

    process: Process
    since: float


def leads(tx: Tx, process: Process, since: float) -> bool:
    """Whether this scheduler, announced at ``since``, is the last that was; holds it to be so."""
    table = tables.module
    query = (
        select(table.c.name)
        .where(
            table.c.name == SCHEDULER,
            table.c.host == process.host,
            table.c.pid == process.pid,
            table.c.started_at == since,
        )
        .with_for_update(read=True)
    )
    return tx.connection.scalar(query) is not None


def beat_module(tx: Tx, name: str, process: Process, now: float, tally: str | None = None) -> None:
    """A module lives; ``tally`` is what it counted since it began (store.tally)."""
    given = {
        "_name": name,
        "_pid": process.pid,
        "_now": now,
        "_memory": process.memory_bytes,
        "_tally": tally,
    }
    tx.connection.execute(_BEAT_OF_MODULE, given)


def stop_module(tx: Tx, name: str, pid: int, now: float) -> None:
    table = tables.module
    tx.connection.execute(
        table.update()
        .where(table.c.name == name, table.c.pid == pid)
        .values(stopped_at=now, heartbeat_at=now)
    )


def modules(tx: Tx) -> list[Module]:
    """Scheduler and sinks, by name."""
    query = select(tables.module).order_by(tables.module.c.name)
    return [
        Module(
            row.name,
            row.host,
            row.pid,
            row.detail,
            row.started_at,
            row.heartbeat_at,
            row.memory_bytes,
            row.stopped_at,
            row.reference_at,
        )
        for row in tx.connection.execute(query)
    ]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
