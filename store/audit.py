"""The audit: what happened, in words, for people."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, select

from store import tables
from store.engine import Tx

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line; ``delivery_id`` is None for what concerns the whole lab."""

    id: int
    at: float
    delivery_id: int | None
    level: str
    text: str


def note(
    tx: Tx, at: float, text: str, *, delivery_id: int | None = None, level: Level = "info"
) -> None:
    """Write one line."""
    tx.connection.execute(
        tables.audit.insert().values(at=at, delivery_id=delivery_id, level=level, text=text)
    )


def entries(tx: Tx, *, delivery_id: int | None = None, limit: int = 200) -> list[AuditEntry]:
    """The newest lines, oldest first."""
    query = select(tables.audit).order_by(tables.audit.c.id.desc()).limit(limit)
    if delivery_id is not None:
        query = query.where(tables.audit.c.delivery_id == delivery_id)
    rows = tx.connection.execute(query).all()
    return [_entry(row) for row in reversed(rows)]


def following(
    tx: Tx, *, after_id: int, up_to_id: int, delivery_id: int | None, limit: int
) -> list[AuditEntry]:
    """Lines in the order they were written; ``delivery_id`` None: of all, and of the whole lab."""
    table = tables.audit
    query = select(table).where(table.c.id > after_id, table.c.id <= up_to_id)
    if delivery_id is not None:
        query = query.where(table.c.delivery_id == delivery_id)
    query = query.order_by(table.c.id).limit(limit)
    return [_entry(row) for row in tx.connection.execute(query)]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(row.id, row.at, row.delivery_id, row.level, row.text)
