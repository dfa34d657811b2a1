"""The parts of one delivery, as an operator sees them."""

from dataclasses import dataclass

from sqlalchemy import select

from store import deliveries, tables
from store.engine import Tx
from store.parts import HELD, LEASED, QUEUED, split_ips


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part that waits or is in a worker's hand; times in epoch seconds."""

    part: int
    state: str  # queued, held, leased
    mx_group: str
    source_ips: tuple[str, ...]  # that its masks admit
    messages: int
    wave: int | None
    queued_at: float | None
    worker_id: int | None  # who has it, and on which lane
    lane: str | None
    source_ip: str | None
    leased_at: float | None
    leased_until: float | None


def of(tx: Tx, delivery_id: int, limit: int, after_id: int = 0) -> list[PartLine]:
    """Parts of a delivery in the order of their numbers.

    Raises:
        UnknownDelivery: there is none of that number.
    """
    deliveries.get(tx, delivery_id)
    part = tables.part
    query = (
        select(part)
        .where(
            part.c.state.in_((QUEUED, HELD, LEASED)),  # by the index of the queue
            part.c.delivery_id == delivery_id,
            part.c.id > after_id,
        )
        .order_by(part.c.id)
        .limit(limit)
    )
    return [
        PartLine(
            row.id, row.state, row.mx_group, split_ips(row.source_ips), row.size, row.wave,
            row.queued_at, row.worker_id, row.lane, row.source_ip, row.leased_at, row.leased_until,
        )
        for row in tx.connection.execute(query)
    ]  # fmt: skip
