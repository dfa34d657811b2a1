"""What an operator decides about deliveries and messages that are queued or over.

A message in a worker's hand is left to that worker: it gives back what its delivery does not want
sent any more at its next heartbeat, and the scheduler then ends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, or_, select

from mail.errors import IllegalTransition
from mail.reason import Reason
from mail.states import DeliveryEvent, DeliveryStatus, MessageEvent, MessageStatus
from store import (
    audit,
    deliveries,
    exclusion,
    expiry,
    log,
    part_size,
    parts,
    retention,
    tables,
    transitions,
    waves,
)
from store.engine import Tx
from store.errors import CannotNow

_RETRIABLE: Final = (*deliveries.ACTIVE, DeliveryStatus.PAUSED, DeliveryStatus.FINISHED)
_CHUNK: Final = 900
OPERATOR: Final = "an operator"  # who, where nothing better is known
_DONE: Final = {
    DeliveryEvent.CONFIRMED: "confirmed",
    DeliveryEvent.PAUSED: "paused",
    DeliveryEvent.RESUMED: "resumed",
    DeliveryEvent.CANCELLED: "cancelled",
}


def steer(
    tx: Tx, delivery_id: int, event: DeliveryEvent, at: float, by: str = OPERATOR
) -> DeliveryStatus:
    """Confirm, pause, resume or cancel a delivery; returns its new status.

    Raises:
        UnknownDelivery: there is none of that number.
        CannotNow: its status does not allow it, or its waves no longer fit into its validity.
    """
    try:
        deliveries.advance(tx, delivery_id, event, at, f"by {by}")
        if event is DeliveryEvent.CONFIRMED:
            exclusion.exclude_denylisted(tx, delivery_id, at)
            waves.plan_from(tx, delivery_id, at)
    except IllegalTransition as error:
        raise CannotNow(
            f"delivery {delivery_id} is {error.status} and cannot be {_DONE[event]}",
            remedy="`mtalab deliveries` shows what each is doing.",
        ) from error
    return deliveries.get(tx, delivery_id).status


@dataclass(frozen=True, slots=True)
class Step:
    """How far an action on many messages has come; ``last_id`` is 0 when it is through."""

    last_id: int
    changed: int


def withdraw(
    tx: Tx, wanted: log.Filter, after_id: int, limit: int, at: float, by: str = OPERATOR
) -> Step:
    """Cancel pending messages that nobody holds, in order of their number."""
    message, part = tables.message, tables.part
    query = log.narrow(select(message.c.id, message.c.delivery_id, message.c.attempts), wanted)
    query = (
        query.join(part, part.c.id == message.c.part_id, isouter=True)
        .where(
            message.c.id > after_id,
            message.c.status == MessageStatus.PENDING,
            or_(part.c.id.is_(None), part.c.state != parts.LEASED),
        )
        .order_by(message.c.id)
        .limit(limit)
    )
    found = [
        transitions.Standing(row.id, row.delivery_id, MessageStatus.PENDING, row.attempts)
        for row in tx.connection.execute(query)
    ]
    _withdraw(tx, found, at, by)
    return _step(found, limit)


def is_any_to_withdraw(tx: Tx) -> bool:
    """Whether anything is still pending of a cancelled delivery."""
    return bool(tx.connection.scalar(select(_cancelled_with_pending().exists())))


def _cancelled_with_pending() -> Select[int]:
    delivery, counts = tables.delivery, tables.rollup_status
    return (
        select(delivery.c.id)
        .join(counts, counts.c.delivery_id == delivery.c.id)
        .where(
            delivery.c.status == DeliveryStatus.CANCELLED,
            counts.c.status == MessageStatus.PENDING,
            counts.c.messages > 0,
        )
    )


def withdraw_cancelled(tx: Tx, limit: int, at: float) -> int:
    """Cancel what is still pending of cancelled deliveries and in nobody's hand; returns how many.

    Call again while it returns any.
    """
    query = _cancelled_with_pending()
    for delivery_id in sorted(tx.connection.execute(query).scalars()):
        found = expiry.waiting(tx, delivery_id, limit)
        if found:
            _withdraw(tx, found, at, OPERATOR)
            return len(found)
    return 0


def held(tx: Tx, wanted: log.Filter) -> int:
    """How many pending messages are in a worker's hand."""
    message, part = tables.message, tables.part
    query = log.narrow(select(func.count()).select_from(message), wanted)
    query = query.join(part, part.c.id == message.c.part_id).where(
        message.c.status == MessageStatus.PENDING, part.c.state == parts.LEASED
    )
    return int(tx.connection.scalar(query) or 0)


def retry(
    tx: Tx,
    wanted: log.Filter,
    after_id: int,
    limit: int,
    at: float,
    validity_s: float,
    *,
    by: str = OPERATOR,
) -> Step:
    """Make failed messages pending again, due at once; finished deliveries are reopened.

    Their deliveries are valid for ``validity_s`` seconds from now at least. Messages of cancelled
    and deleted deliveries are left.
    """
    message, delivery = tables.message, tables.delivery
    query = log.narrow(select(message.c.id, message.c.delivery_id, message.c.attempts), wanted)
    query = (
        query.join(delivery, delivery.c.id == message.c.delivery_id)
        .where(
            message.c.id > after_id,
            message.c.status == MessageStatus.FAILED,
            delivery.c.status.in_(_RETRIABLE),
            ~retention.is_deleted(delivery.c.id),
        )
        .order_by(message.c.id)
        .limit(limit)
    )
    found = [
        transitions.Standing(row.id, row.delivery_id, MessageStatus.FAILED, row.attempts)
        for row in tx.connection.execute(query)
    ]
    for delivery_id in sorted({each.delivery_id for each in found}):
        _reopen(tx, delivery_id, at, at + validity_s)
    transitions.apply(tx, found, MessageEvent.RETRIED_BY_HAND, at, text=f"retried by {by}")
    return _step(found, limit)


def _reopen(tx: Tx, delivery_id: int, at: float, valid_until: float) -> None:
    delivery = deliveries.get(tx, delivery_id)
    if delivery.status is DeliveryStatus.FINISHED:
        deliveries.advance(tx, delivery_id, DeliveryEvent.REOPENED, at, "messages are retried")
    if delivery.expires_at < valid_until:
        table = tables.delivery
        tx.connection.execute(
            table.update().where(table.c.id == delivery_id).values(expires_at=valid_until)
        )
        audit.note(tx, at, "its validity was extended for the retry", delivery_id=delivery_id)


def _withdraw(tx: Tx, found: Sequence[transitions.Standing], at: float, by: str) -> None:
    if not found:
        return
    table = tables.message
    ids = [each.message_id for each in found]
    of_parts: dict[int, set[int]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(table.c.delivery_id, table.c.part_id).where(
            table.c.id.in_(ids[start : start + _CHUNK]), table.c.part_id.is_not(None)
        )
        for row in tx.connection.execute(query):
            of_parts.setdefault(row.delivery_id, set()).add(row.part_id)
    transitions.apply(
        tx, found, MessageEvent.WITHDRAWN, at, reason=Reason.WITHDRAWN, text=f"by {by}"
    )
    for delivery_id, part_ids in sorted(of_parts.items()):
        left = sorted(part_ids)
        for start in range(0, len(left), _CHUNK):
            part_size.recount(tx, delivery_id, left[start : start + _CHUNK])


def _step(found: Sequence[transitions.Standing], limit: int) -> Step:
    is_more = len(found) == limit
    return Step(found[-1].message_id if is_more else 0, len(found))
