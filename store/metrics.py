"""What metrics are made of that nothing else asks for: sums over counters. Read only."""

from dataclasses import dataclass

from sqlalchemy import func, select

from mail.inbound import Effect
from mail.states import DeliveryStatus, MessageStatus
from mail.tracked import Kind
from store import modules, tables
from store.engine import Tx
from store.queues import Traffic
from store.tally import Tally


@dataclass(frozen=True, slots=True)
class Told:
    """What a process counted since it began; of a worker its instance, otherwise the module."""

    module: str
    worker_id: int | None
    tally: Tally


def messages(tx: Tx) -> dict[MessageStatus, int]:
    """Messages by status."""
    table = tables.rollup_status
    query = select(table.c.status, func.sum(table.c.messages)).group_by(table.c.status)
    found = {MessageStatus(name): int(count) for name, count in tx.connection.execute(query)}
    return {each: found.get(each, 0) for each in MessageStatus}


def deliveries(tx: Tx) -> dict[DeliveryStatus, int]:
    """Deliveries by status; by the index of that."""
    table = tables.delivery
    query = select(table.c.status, func.count()).group_by(table.c.status)
    found = {DeliveryStatus(name): int(count) for name, count in tx.connection.execute(query)}
    return {each: found.get(each, 0) for each in DeliveryStatus}


def attempts(tx: Tx, first: int, end: int) -> list[Traffic]:
    """Outcomes of the minutes from ``first`` to the one before ``end``; of no worker by itself."""
    table = tables.rollup_minute
    columns = (table.c.mta, table.c.source_ip, table.c.mx_group)
    sums = [func.sum(table.c[name]) for name in ("sent", "deferred", "failed", "bytes")]
    query = (
        select(*columns, *sums)
        .where(table.c.minute >= first, table.c.minute < end)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Traffic(mta, 0, source_ip, group, *map(int, found))
        for mta, source_ip, group, *found in tx.connection.execute(query)
    ]


def tracking(tx: Tx) -> list[tuple[Kind, bool, int]]:
    """Tracking logs by kind, those of machines apart."""
    table = tables.rollup_tracking
    columns = (table.c.kind, table.c.is_machine)
    query = select(*columns, func.sum(table.c.logs)).group_by(*columns).order_by(*columns)
    rows = tx.connection.execute(query)
    return [(Kind(kind), bool(is_machine), int(logs)) for kind, is_machine, logs in rows]


def inbound(tx: Tx) -> dict[Effect, int]:
    """Mails that came to return paths, by what they brought about; by the index of that."""
    table = tables.inbound
    query = select(table.c.effect, func.count()).group_by(table.c.effect)
    found = {Effect(name): int(count) for name, count in tx.connection.execute(query)}
    return {each: found.get(each, 0) for each in Effect}


def told(tx: Tx) -> list[Told]:
    """Of all workers that live, and of the modules that run."""
    worker, module = tables.worker, tables.module
    of_workers = select(worker.c.id, worker.c.instance, worker.c.tally).where(
        worker.c.state.in_((modules.ALIVE, modules.STOPPING))
    )
    found = [
        Told(f"mta@{row.instance}", row.id, Tally.read(row.tally))
        for row in tx.connection.execute(of_workers.order_by(worker.c.id))
    ]
    of_modules = select(module.c.name, module.c.tally).where(module.c.stopped_at.is_(None))
    found += [
        Told(row.name, None, Tally.read(row.tally))
        for row in tx.connection.execute(of_modules.order_by(module.c.name))
    ]
    return found
