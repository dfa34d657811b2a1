"""The contents of messages that applications submitted, each kept once for all its recipients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from store import tables
from store.engine import Tx

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Content:
    """A message as it goes out; line ends are CRLF."""

    content: bytes
    needs_smtputf8: bool


def keep(tx: Tx, content: Content, at: float) -> int:
    """Store a content that came at this time; returns its number."""
    table = tables.content
    values = {
        "size": len(content.content),
        "needs_smtputf8": content.needs_smtputf8,
        "content": content.content,
        "stored_at": at,
    }
    return int(
        tx.connection.execute(table.insert().values(values).returning(table.c.id)).scalar_one()
    )


def small(tx: Tx, ids: Sequence[int], size_max: int) -> dict[int, Content]:
    """Those of the contents that are no larger than ``size_max`` bytes."""
    table = tables.content
    found: dict[int, Content] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(table).where(
            table.c.id.in_(list(ids[start : start + _CHUNK])), table.c.size <= size_max
        )
        for row in tx.connection.execute(query):
            found[row.id] = Content(bytes(row.content), row.needs_smtputf8)
    return found


def one(tx: Tx, number: int) -> Content:
    """One content, however large."""
    table = tables.content
    row = tx.connection.execute(select(table).where(table.c.id == number)).one()
    return Content(bytes(row.content), row.needs_smtputf8)


def of_message(tx: Tx, message_id: int) -> Content | None:
    """What an application submitted for a message; None: nothing, or it is not kept any more."""
    table, message = tables.content, tables.message
    query = (
        select(table)
        .join(message, message.c.content_id == table.c.id)
        .where(message.c.id == message_id)
    )
    row = tx.connection.execute(query).one_or_none()
    return None if row is None else Content(bytes(row.content), row.needs_smtputf8)
