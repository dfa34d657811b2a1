"""Deliveries by a piece of their label and by status, page by page."""

from dataclasses import dataclass

from sqlalchemy import func, select

from mail.states import DeliveryStatus
from store import deliveries, retention, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; empty and None: all. The label's piece has no upper and lower case."""

    label: str = ""
    status: DeliveryStatus | None = None


def find(
    tx: Tx, wanted: Wanted, limit: int, before_id: int | None = None
) -> list[deliveries.Delivery]:
    """The newest first, with their counters; those that are deleted are left out."""
    table = tables.delivery
    query = select(table.c.id).where(~retention.is_deleted(table.c.id))
    if wanted.label:
        query = query.where(
            func.lower(table.c.label).contains(wanted.label.lower(), autoescape=True)
        )
    if wanted.status is not None:
        query = query.where(table.c.status == wanted.status)
    if before_id is not None:
        query = query.where(table.c.id < before_id)
    ids = list(tx.connection.execute(query.order_by(table.c.id.desc()).limit(limit)).scalars())
    return deliveries.find(tx, ids=ids, limit=limit) if ids else []
