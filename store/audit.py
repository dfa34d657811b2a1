"""The audit: what happened, in words, for people."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from store import tables
from store.engine import Tx

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line; ``delivery_id`` is None for what concerns the whole lab."""

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
    return [AuditEntry(row.at, row.delivery_id, row.level, row.text) for row in reversed(rows)]
