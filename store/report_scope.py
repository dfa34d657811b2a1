"""Which deliveries a report is about, and what they are but for their counters. Read only."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, select

from store import tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Scope:
    """One delivery; or all whose contact date is from ``since`` to before ``until`` (epoch s)."""

    delivery_id: int | None = None
    since: float = 0.0
    until: float = float(2**53)


@dataclass(frozen=True, slots=True)
class Reported:
    """A delivery as reports name it; times in epoch seconds."""

    id: int
    label: str
    status: str
    affinity: str
    part_size: int
    messages: int
    submitted_at: float
    contact_at: float
    started_at: float | None
    finished_at: float | None


def chosen(scope: Scope) -> Select[int]:
    """The numbers of the deliveries, as a subquery."""
    return select(tables.delivery.c.id).where(*within(scope))


def within(scope: Scope) -> list[ColumnElement[bool]]:
    """What holds of the rows of the deliveries."""
    table = tables.delivery
    if scope.delivery_id is not None:
        return [table.c.id == scope.delivery_id]
    return [table.c.contact_at >= scope.since, table.c.contact_at < scope.until]


def of(column: ColumnElement[int], scope: Scope) -> ColumnElement[bool]:
    """That a column names one of the deliveries."""
    if scope.delivery_id is not None:
        return column == scope.delivery_id
    return column.in_(chosen(scope))


def reported(tx: Tx, scope: Scope) -> list[Reported]:
    """The deliveries, oldest first."""
    table = tables.delivery
    columns = [table.c[name] for name in Reported.__slots__]
    query = select(*columns).where(*within(scope)).order_by(table.c.id)
    return [Reported(*row) for row in tx.connection.execute(query)]
