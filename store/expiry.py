"""Ending what waited too long, in every state of its delivery."""

from collections.abc import Callable

from sqlalchemy import or_, select

from mail.reason import Reason
from mail.states import DeliveryStatus, MessageEvent, MessageStatus
from store import deliveries, parts, tables, transitions
from store.engine import Tx

_EXPIRABLE = (*deliveries.ACTIVE, DeliveryStatus.PAUSED)


def expire(tx: Tx, now: float, limit: int, event_for: Callable[[int], MessageEvent]) -> int:
    """End pending messages past their validity that no worker holds; returns how many.

    ``event_for`` tells the event from the attempts made. Call again while it returns ``limit``.
    What a worker holds it gives back by itself, and is ended at the next call.
    """
    message, delivery, part = tables.message, tables.delivery, tables.part
    late = select(delivery.c.id).where(
        delivery.c.status.in_(_EXPIRABLE), delivery.c.expires_at <= now
    )
    delivery_ids = list(tx.connection.execute(late).scalars())
    if not delivery_ids:
        return 0
    query = (
        select(message.c.id, message.c.delivery_id, message.c.attempts)
        .join(part, part.c.id == message.c.part_id, isouter=True)
        .where(
            message.c.delivery_id.in_(delivery_ids),
            message.c.status == MessageStatus.PENDING,
            or_(part.c.id.is_(None), part.c.state == parts.QUEUED),
        )
        .order_by(message.c.id)
        .limit(limit)
    )
    waiting = [
        transitions.Standing(row.id, row.delivery_id, MessageStatus.PENDING, row.attempts)
        for row in tx.connection.execute(query)
    ]
    by_event: dict[MessageEvent, list[transitions.Standing]] = {}
    for each in waiting:
        by_event.setdefault(event_for(each.attempts), []).append(each)
    for event, chosen in by_event.items():
        transitions.apply(
            tx, chosen, event, now, reason=Reason.EXPIRED, text="validity period has passed"
        )
    return len(waiting)
