"""How long attempts waited and took, for measuring. Read only; its cost grows with what is read."""

from array import array
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mail.states import MessageEvent
from store import tables
from store.engine import Tx

_ANSWERS: Final = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)


@dataclass(frozen=True, slots=True)
class Attempts:
    """All attempts that a receiver answered, in the order of their answers."""

    queued_s: "array[float]"  # from when each was due until its first byte was written
    transmit_s: "array[float]"  # from there to the answer
    accepted_bytes: int  # of the contents that were accepted


def attempts(tx: Tx, since: float) -> Attempts:
    """The attempts answered since a time in epoch seconds, at which the mail had been queued.

    A first attempt is due then, or at its delivery's contact date, whichever is later; each other
    when the one before it said.
    """
    table, delivery = tables.transition, tables.delivery
    before = func.lag(table.c.next_attempt_at).over(
        partition_by=table.c.message_id, order_by=table.c.id
    )
    due = func.coalesce(before, delivery.c.contact_at).label("due")
    columns = (table.c.id, table.c.at, table.c.event, table.c.duration_ms, table.c.size_bytes)
    is_answer = table.c.code.is_not(None) & table.c.event.in_(_ANSWERS)
    every = (
        select(*columns, due, is_answer.label("is_answer"))
        .join(delivery, delivery.c.id == table.c.delivery_id)
        .where(table.c.at >= since)
        .subquery()
    )
    answered = select(every).where(every.c.is_answer).order_by(every.c.id)
    queued, transmit, size = array("d"), array("d"), 0
    for row in tx.connection.execution_options(yield_per=10_000).execute(answered):
        took = row.duration_ms / 1000
        queued.append(max(0.0, row.at - took - max(row.due, since)))
        transmit.append(took)
        size += row.size_bytes if row.event == MessageEvent.ACCEPTED else 0
    return Attempts(queued, transmit, size)
