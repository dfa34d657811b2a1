"""Old rows go, some at a time, while the lab works.

A step is one transaction. It holds SQLite for some 50 ms at most, begins where rows are and leaves
nothing half done, so that pruning may be killed and begun anew at any point.

Nothing of a delivery goes that is not over, or of which messages are in a worker's hand. Nor does
the newest row of what is numbered: SQLite gives the next row the highest number plus one, and a
number that stands in return paths, links and receipts is never given twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Delete, Table, and_, exists, func, or_, select, tuple_

from store import modules, pruning_deliveries, retention, tables
from store.engine import Tx

ROWS_MAX: Final = 3000  # of one step, of small rows; measured in docs/housekeeping.md
_DAY_S: Final = 86_400.0
WITH_ERRORS: Final = "with_errors"  # of an address that is sent to all the same


@dataclass(frozen=True, slots=True)
class Step:
    """What a step removed; ``after`` is where the next one begins, None: there is nothing left."""

    rows: int
    after: int | None


Count = Callable[[Tx, float], int]
Take = Callable[[Tx, float, int, float], Step]  # before (epoch), after (number), now


@dataclass(frozen=True, slots=True)
class Kind:
    """How rows of one kind are counted and removed that are older than a time."""

    count: Count
    take: Take


def _table(name: str) -> Table:
    return tables.metadata.tables[name]


def _no_delivery_under_way(table: Table) -> ColumnElement[bool]:
    delivery = tables.delivery
    return ~exists().where(
        delivery.c.id == table.c.delivery_id, delivery.c.status.not_in(retention.ENDED)
    )


def _numbered(name: str, time: str, untold: str | None = None) -> Kind:
    """Rows in order of their numbers, which is nearly that of time: no index of it is needed.

    ``untold``: where webhooks remember up to which number they were told.

    The walk ends with the first stretch in which nothing is old. A row that claims to be of another
    century stays until its delivery goes.
    """
    table = _table(name)

    def old(tx: Tx, before: float) -> ColumnElement[bool]:
        newest = select(func.max(table.c.id)).scalar_subquery()
        where = [table.c[time] < before, table.c.id < newest, _no_delivery_under_way(table)]
        told = None if untold is None else pruning_deliveries.untold_after(tx, untold)
        return and_(*where) if told is None else and_(*where, table.c.id <= told)

    def count(tx: Tx, before: float) -> int:
        query = select(func.count()).select_from(table).where(old(tx, before))
        return int(tx.connection.scalar(query) or 0)

    def take(tx: Tx, before: float, after: int, _now: float) -> Step:
        query = select(table.c.id, table.c[time]).where(table.c.id > after)
        seen = tx.connection.execute(query.order_by(table.c.id).limit(ROWS_MAX)).all()
        if not seen:
            return Step(0, None)
        span = table.c.id.between(seen[0].id, seen[-1].id)
        gone = tx.connection.execute(table.delete().where(span, old(tx, before)))
        is_any_old = any(row[1] < before for row in seen)
        is_more = is_any_old and len(seen) == ROWS_MAX
        return Step(gone.rowcount, seen[-1].id if is_more else None)

    return Kind(count, take)


def _some(table: Table, where: ColumnElement[bool], limit: int) -> Delete:
    """Delete at most so many rows for which something holds."""
    keys = list(table.primary_key)
    chosen = select(*keys).where(where).limit(limit)
    match = keys[0].in_(chosen) if len(keys) == 1 else tuple_(*keys).in_(chosen)
    return table.delete().where(match)


def _rows(where: Mapping[str, Callable[[Table, float], ColumnElement[bool]]]) -> Kind:
    """Rows of tables for which a condition holds at a time."""
    known = {name: old for name, old in where.items() if name in tables.metadata.tables}

    def count(tx: Tx, before: float) -> int:
        found = 0
        for name, old in known.items():
            table = _table(name)
            query = select(func.count()).select_from(table).where(old(table, before))
            found += int(tx.connection.scalar(query) or 0)
        return found

    def take(tx: Tx, before: float, after: int, _now: float) -> Step:
        names = list(known)
        if after >= len(names):
            return Step(0, None)
        table = _table(names[after])
        gone = tx.connection.execute(_some(table, known[names[after]](table, before), ROWS_MAX))
        if gone.rowcount == ROWS_MAX:
            return Step(gone.rowcount, after)
        return Step(gone.rowcount, after + 1 if after + 1 < len(names) else None)

    return Kind(count, take)


def _slots(column: str, length_s: float) -> Callable[[Table, float], ColumnElement[bool]]:
    """Counters by number of a stretch of time, each as long as that."""
    return lambda table, before: table.c[column] < int(before // length_s)


def _clicked_long_ago(table: Table, before: float) -> ColumnElement[bool]:
    return and_(table.c.clicked_at < before, _no_delivery_under_way(table))


def _worker_is_over(table: Table, before: float) -> ColumnElement[bool]:
    newest = select(func.max(table.c.id)).scalar_subquery()
    part = tables.part
    is_lender = exists().where(part.c.worker_id == table.c.id)
    over = table.c.state.in_((modules.STOPPED, modules.DEAD))
    return and_(over, table.c.heartbeat_at < before, table.c.id < newest, ~is_lender)


def _was_taken(table: Table, before: float) -> ColumnElement[bool]:
    return table.c.taken_at < before


def _is_forgiven(table: Table, before: float) -> ColumnElement[bool]:
    """Errors only; what is in quarantine or denylisted stays until somebody releases it."""
    return and_(table.c.status == WITH_ERRORS, table.c.counted_at < before)


def _of_deliveries(
    chosen: Callable[[float], ColumnElement[bool]],
    rows: Callable[[Tx, int], int],
    take: Callable[[Tx, int, float], int | None],
    spared: Callable[[Tx], set[int]] = lambda _: set(),
) -> Kind:
    """What deliveries have, one after the other; ``take`` says None when one has no more."""

    def due(tx: Tx, before: float, after: int) -> list[int]:
        table = tables.delivery
        query = select(table.c.id).where(
            table.c.id >= after, chosen(before), ~retention.has_pending(table.c.id)
        )
        found = tx.connection.execute(query.order_by(table.c.id)).scalars().all()
        left = spared(tx) if found else set()
        return [each for each in found if each not in left]

    def count(tx: Tx, before: float) -> int:
        return sum(rows(tx, each) for each in due(tx, before, 0))

    def step(tx: Tx, before: float, after: int, now: float) -> Step:
        for delivery_id in due(tx, before, after):
            if retention.is_over(tx, delivery_id):
                gone = take(tx, delivery_id, now)
                if gone is not None:
                    return Step(gone, delivery_id)
        return Step(0, None)

    return Kind(count, step)


def _ended_before(before: float) -> ColumnElement[bool]:
    table = tables.delivery
    return and_(table.c.status.in_(retention.ENDED), table.c.finished_at < before)


def _with_messages(before: float) -> ColumnElement[bool]:
    message = tables.message
    return and_(
        _ended_before(before), exists().where(message.c.delivery_id == tables.delivery.c.id)
    )


def _with_figures(before: float) -> ColumnElement[bool]:
    delivery_id = tables.delivery.c.id
    figures = (_table(each) for each in pruning_deliveries.FIGURES)
    is_any = or_(*(exists().where(each.c.delivery_id == delivery_id) for each in figures))
    return and_(_ended_before(before), is_any)


def _deleted_before(before: float) -> ColumnElement[bool]:
    mark = tables.delivery_retention
    return exists().where(mark.c.delivery_id == tables.delivery.c.id, mark.c.deleted_at < before)


KINDS: Final[Mapping[str, Kind]] = {
    "delivery_logs": _of_deliveries(
        _with_messages,
        pruning_deliveries.count_messages,
        pruning_deliveries.take_messages,
        pruning_deliveries.spared_messages,
    ),
    "tracking_logs": _numbered("tracking_log", "at", "tracking_id"),
    "tracking_figures": _of_deliveries(
        _with_figures, pruning_deliveries.count_figures, pruning_deliveries.take_figures
    ),
    "visitors": _rows({"visitor": _clicked_long_ago}),
    "inbound": (
        _numbered("inbound", "received_at") if "inbound" in tables.metadata.tables else _rows({})
    ),
    "audit": _numbered("audit", "at"),
    "counters": _rows(
        {
            "rollup_minute": _slots("minute", 60.0),
            "rollup_path": _slots("slot", 300.0),
            "rollup_smtp_error": _slots("slot", 300.0),
            "quota": _slots("day", _DAY_S),
        }
    ),
    "workers": _rows({"worker": _worker_is_over}),
    "deleted": _of_deliveries(
        _deleted_before,
        pruning_deliveries.count_all,
        pruning_deliveries.take_all,
        pruning_deliveries.spared,
    ),
    "addresses": _rows({"address": _is_forgiven}),
    "submission_keys": _rows({"submission_key": _was_taken}),
}


def count(tx: Tx, kind: str, before: float) -> int:
    """How many rows of a kind would go that are older than a time (epoch seconds)."""
    return KINDS[kind].count(tx, before)


def take(tx: Tx, kind: str, before: float, after: int, now: float) -> Step:
    """Remove some; begin with ``after`` 0, and go on with that of the step before."""
    return KINDS[kind].take(tx, before, after, now)
