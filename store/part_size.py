"""What takes messages out of queued parts counts anew what those parts still hold."""

from collections.abc import Sequence

from sqlalchemy import func, select

from mail.states import MessageStatus
from store import tables
from store.engine import Tx


def recount(tx: Tx, delivery_id: int, part_ids: Sequence[int] | None = None) -> None:
    """Correct the sizes of a delivery's parts that nobody holds; empty ones are gone.

    ``part_ids``: only of these.
    """
    part, message = tables.part, tables.message
    left = (
        select(func.count())
        .select_from(message)
        .where(message.c.part_id == part.c.id, message.c.status == MessageStatus.PENDING)
        .scalar_subquery()
    )
    mine = [part.c.delivery_id == delivery_id, part.c.state.in_(("queued", "held"))]
    if part_ids is not None:
        mine.append(part.c.id.in_(list(part_ids)))
    tx.connection.execute(part.update().where(*mine).values(size=left))
    tx.connection.execute(part.delete().where(*mine, part.c.size == 0))
