"""Which deliveries count as in progress against ``scheduler.max_deliveries``. Read only."""

from dataclasses import dataclass

from sqlalchemy import select

from mail.states import DeliveryStatus
from store import parts, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Running:
    """A delivery in progress that has messages to hand out or in hand."""

    delivery_id: int
    started_at: float | None


def running(tx: Tx) -> list[Running]:
    """Those that count, by number: with a part that is queued or lent.

    One whose messages all wait for retries or a later wave, or have no way to go, does not: a
    single greylisted message would hold its place for days.
    """
    delivery, part = tables.delivery, tables.part
    has_work = (
        select(part.c.id)
        .where(part.c.state.in_((parts.QUEUED, parts.LEASED)), part.c.delivery_id == delivery.c.id)
        .exists()
    )
    query = (
        select(delivery.c.id, delivery.c.started_at)
        .where(delivery.c.status == DeliveryStatus.IN_PROGRESS, has_work)
        .order_by(delivery.c.id)
    )
    return [Running(row.id, row.started_at) for row in tx.connection.execute(query)]


def waiting(tx: Tx, now: float) -> list[int]:
    """Deliveries that could start but for others: start pending, due, valid; the next one first.

    In the order in which the scheduler takes them (``scheduler.decide.admit``).
    """
    delivery = tables.delivery
    query = (
        select(delivery.c.id)
        .where(
            delivery.c.status == DeliveryStatus.START_PENDING,
            delivery.c.contact_at <= now,
            delivery.c.expires_at > now,
        )
        .order_by(delivery.c.contact_at, delivery.c.priority.desc(), delivery.c.id)
    )
    return [int(each) for each in tx.connection.execute(query).scalars()]
