"""What a message was made from, to be shown once more."""

from typing import NamedTuple

from sqlalchemy import select

from store import tables
from store.engine import Tx


class Ingredients(NamedTuple):
    """A message's own; ``fields`` is a JSON object of the personal fields."""

    address: str
    fields: str


def ingredients(tx: Tx, delivery_id: int, message_id: int) -> Ingredients | None:
    """What a message of a delivery was made from; None: there is none, or it came in ready-made."""
    table = tables.message
    row = tx.connection.execute(
        select(table.c.address, table.c.fields).where(
            table.c.id == message_id,
            table.c.delivery_id == delivery_id,
            table.c.content_id.is_(None),
        )
    ).one_or_none()
    return None if row is None else Ingredients(row.address, row.fields)
