"""What takes messages out of queued parts counts anew what those parts still hold."""

from sqlalchemy import func, select

from mail.states import MessageStatus
from store import tables
from store.engine import Tx


def recount(tx: Tx, delivery_id: int) -> None:
    """Correct the sizes of a delivery's queued parts; empty ones are gone."""
    part, message = tables.part, tables.message
    left = (
        select(func.count())
        .select_from(message)
        .where(message.c.part_id == part.c.id, message.c.status == MessageStatus.PENDING)
        .scalar_subquery()
    )
    mine = (part.c.delivery_id == delivery_id, part.c.state == "queued")
    tx.connection.execute(part.update().where(*mine).values(size=left))
    tx.connection.execute(part.delete().where(*mine, part.c.size == 0))
