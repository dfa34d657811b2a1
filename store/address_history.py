"""What counted against an address, or for it, in the transitions of its messages."""

from collections.abc import Collection

from sqlalchemy import select

from store import log, tables
from store.engine import Tx


def errors_of(tx: Tx, message_ids: Collection[int], limit: int = 100) -> list[log.Transition]:
    """The transitions of these messages that tell of a failure, the newest first."""
    table, message = tables.transition, tables.message
    query = (
        select(table, message.c.address)
        .join(message, message.c.id == table.c.message_id)
        .where(table.c.message_id.in_(sorted(message_ids)), table.c.failure.is_not(None))
        # "+ 0": by the messages' index, and sorted then; not backwards through the whole log.
        .order_by((table.c.id + 0).desc())
        .limit(limit)
    )
    return [log.transition_from(row) for row in tx.connection.execute(query)]
