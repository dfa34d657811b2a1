"""Ending what waited too long, in every state of its delivery."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Float, Select, bindparam, or_, select

from mail.reason import Reason
from mail.states import MessageEvent, MessageStatus
from store import deliveries, parts, tables, transitions
from store.engine import Tx


def is_any_late(tx: Tx, now: float) -> bool:
    """Whether the validity of a delivery that is not over has passed."""
    return bool(tx.connection.scalar(_IS_ANY_LATE, {"now": now}))


def _late() -> Select[int]:
    """Deliveries that are at a time ``now``."""
    delivery = tables.delivery
    return select(delivery.c.id).where(
        delivery.c.status.in_(deliveries.UNFINISHED),
        delivery.c.expires_at <= bindparam("now", type_=Float),
    )


_LATE: Final = _late()
_IS_ANY_LATE: Final = select(_LATE.exists())  # asked for several times a second


def expire(tx: Tx, now: float, limit: int, event_for: Callable[[int], MessageEvent]) -> int:
    """End pending messages past their validity that no worker holds; returns how many.

    ``event_for`` tells the event from the attempts made; one call fires one kind of event, so that
    counters are written in one order. Call again while it returns any. What a worker holds it
    gives back by itself, and is ended at a later call.
    """
    for delivery_id in sorted(tx.connection.execute(_LATE, {"now": now}).scalars()):
        found = waiting(tx, delivery_id, limit)
        if found:
            event = event_for(found[0].attempts)
            chosen = [each for each in found if event_for(each.attempts) is event]
            return transitions.apply(
                tx, chosen, event, now, reason=Reason.EXPIRED, text="validity period has passed"
            )
    return 0


def waiting(tx: Tx, delivery_id: int, limit: int) -> list[transitions.Standing]:
    """Some pending messages of a delivery that no worker holds, in order of their number."""
    message, part = tables.message, tables.part
    query = (
        select(message.c.id, message.c.delivery_id, message.c.attempts)
        .join(part, part.c.id == message.c.part_id, isouter=True)
        .where(
            message.c.delivery_id == delivery_id,
            message.c.domain > "",  # every one is: SQLite then takes the index of what is pending
            message.c.status == MessageStatus.PENDING,
            or_(part.c.id.is_(None), part.c.state != parts.LEASED),
        )
        .limit(limit)
    )
    found = [
        transitions.Standing(row.id, row.delivery_id, MessageStatus.PENDING, row.attempts)
        for row in tx.connection.execute(query)
    ]
    return sorted(found, key=lambda each: each.message_id)
