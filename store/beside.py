"""What stands beside a message in its delivery."""

from dataclasses import dataclass

from sqlalchemy import select

from store import tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Beside:
    """Numbers of the messages before and after one; None: it is the first or the last."""

    before: int | None
    after: int | None


def beside(tx: Tx, delivery_id: int, message_id: int) -> Beside:
    """The neighbours of a message, by an index of its delivery."""
    table = tables.message
    own = select(table.c.id).where(table.c.delivery_id == delivery_id).limit(1)
    return Beside(
        tx.connection.scalar(own.where(table.c.id < message_id).order_by(table.c.id.desc())),
        tx.connection.scalar(own.where(table.c.id > message_id).order_by(table.c.id)),
    )
