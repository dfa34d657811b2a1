"""Deliveries that an operator deleted: hidden from lists, whole until they are purged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, select

from mail.states import DeliveryStatus, MessageStatus
from store import audit, parts, tables
from store.engine import Tx
from store.errors import CannotNow, UnknownDelivery

ENDED: Final = (DeliveryStatus.FINISHED, DeliveryStatus.CANCELLED, DeliveryStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted delivery that can still be restored; times in epoch seconds."""

    delivery_id: int
    label: str
    messages: int
    deleted_at: float
    deleted_by: str


def is_deleted(delivery_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that the delivery of this number is deleted."""
    mark = tables.delivery_retention
    return exists().where(mark.c.delivery_id == delivery_id, mark.c.deleted_at.is_not(None))


def has_pending(delivery_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that messages of the delivery are pending, or may be in a worker's hand."""
    counts, part = tables.rollup_status, tables.part
    is_counted = exists().where(
        counts.c.delivery_id == delivery_id,
        counts.c.status == MessageStatus.PENDING,
        counts.c.messages > 0,
    )
    is_lent = exists().where(part.c.delivery_id == delivery_id, part.c.state == parts.LEASED)
    return is_counted | is_lent


def is_over(tx: Tx, delivery_id: int) -> bool:
    """Whether nothing of it will be sent; locked, so that it stays so until commit."""
    table = tables.delivery
    status = tx.connection.scalar(
        select(table.c.status).where(table.c.id == delivery_id).with_for_update()
    )
    if status is None:
        raise UnknownDelivery(delivery_id)
    if status not in ENDED:
        return False
    query = select(table.c.id).where(table.c.id == delivery_id, ~has_pending(table.c.id))
    return tx.connection.scalar(query) is not None


def delete(tx: Tx, delivery_ids: Sequence[int], by: str, at: float) -> list[int]:
    """Delete deliveries, all of them or none; returns those that were not deleted already.

    Raises:
        UnknownDelivery: there is none of that number.
        CannotNow: one is not over, or messages of it are still in a worker's hand.
    """
    mark = tables.delivery_retention
    query = select(mark.c.delivery_id).where(mark.c.deleted_at.is_not(None))
    known = set(tx.connection.execute(query).scalars())
    chosen = [each for each in dict.fromkeys(delivery_ids) if each not in known]
    for delivery_id in chosen:
        if not is_over(tx, delivery_id):
            raise CannotNow(
                f"delivery {delivery_id} is not over and cannot be deleted",
                remedy=f"`mtalab cancel {delivery_id}` ends it; then delete it.",
            )
        values = {"delivery_id": delivery_id, "deleted_at": at, "deleted_by": by}
        tx.dialect.put(tx.connection, mark, [values])
        audit.note(tx, at, f"deleted by {by}", delivery_id=delivery_id)
    return chosen


def restore(tx: Tx, delivery_ids: Sequence[int], at: float) -> None:
    """Take deletions back, all of them or none.

    Raises:
        CannotNow: one is not deleted, or is being purged.
    """
    mark = tables.delivery_retention
    known = {each.delivery_id for each in deleted(tx)}
    for delivery_id in dict.fromkeys(delivery_ids):
        if delivery_id not in known:
            raise CannotNow(
                f"delivery {delivery_id} is not deleted, or is purged",
                remedy="`mtalab deliveries --deleted` lists what can be restored.",
            )
        tx.connection.execute(
            mark.update()
            .where(mark.c.delivery_id == delivery_id)
            .values(deleted_at=None, deleted_by=None)
        )
        audit.note(tx, at, "restored", delivery_id=delivery_id)


def deleted(tx: Tx) -> list[Deleted]:
    """What can be restored, by number; what is being purged cannot."""
    mark, delivery = tables.delivery_retention, tables.delivery
    query = (
        select(mark, delivery.c.label, delivery.c.messages)
        .join(delivery, delivery.c.id == mark.c.delivery_id)
        .where(mark.c.deleted_at.is_not(None), mark.c.purged_at.is_(None))
        .order_by(mark.c.delivery_id)
    )
    return [
        Deleted(row.delivery_id, row.label, row.messages, row.deleted_at, row.deleted_by or "")
        for row in tx.connection.execute(query)
    ]


def pruned(tx: Tx) -> set[int]:
    """The deliveries whose messages are gone, or going."""
    mark = tables.delivery_retention
    query = select(mark.c.delivery_id).where(mark.c.pruned_at.is_not(None))
    return set(map(int, tx.connection.execute(query).scalars()))
