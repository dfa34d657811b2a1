"""How long attempts waited and took, for measuring. Read only; its cost grows with what is read."""

from array import array
from dataclasses import dataclass

from sqlalchemy import func, select

from store import tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Attempts:
    """All attempts that a receiver answered, in the order of their answers."""

    queued_s: "array[float]"  # from when each was due until its first byte was written
    transmit_s: "array[float]"  # from there to the answer
    bytes: int  # of all of them, contents alone


def attempts(tx: Tx, since: float) -> Attempts:
    """The answered attempts since a time in epoch seconds.

    A first attempt is due at its delivery's contact date, each other when the one before it said.
    """
    table, delivery = tables.transition, tables.delivery
    before = func.lag(table.c.next_attempt_at).over(
        partition_by=table.c.message_id, order_by=table.c.id
    )
    due = func.coalesce(before, delivery.c.contact_at).label("due")
    every = (
        select(table.c.id, due, table.c.at, table.c.duration_ms, table.c.size_bytes)
        .join(delivery, delivery.c.id == table.c.delivery_id)
        .where(table.c.at >= since)
        .subquery()
    )
    answered = select(every).where(every.c.duration_ms > 0).order_by(every.c.id)
    queued, transmit, size = array("d"), array("d"), 0
    for row in tx.connection.execution_options(yield_per=10_000).execute(answered):
        took = row.duration_ms / 1000
        queued.append(row.at - took - row.due)
        transmit.append(took)
        size += row.size_bytes
    return Attempts(queued, transmit, size)
