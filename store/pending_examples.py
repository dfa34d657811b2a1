"""A few messages of a group of the diagnosis, so that one of them can be looked at."""

from sqlalchemy import select

from mail.cause import Cause
from mail.states import MessageStatus
from store import parts, tables
from store.engine import Tx


def waiting_for_retry(
    tx: Tx, delivery_id: int, mx_group: str, cause: Cause, few: int
) -> list[tuple[int, str]]:
    """Number and address of messages whose last attempt met this, those due first.

    Of those that met nothing in particular, as for ``retry_later``, the cause is not written down.
    """
    message = tables.message
    met = message.c.cause == cause
    if cause is Cause.RETRY_LATER:
        met |= message.c.cause.is_(None)
    query = (
        select(message.c.id, message.c.address)
        .where(
            message.c.delivery_id == delivery_id,
            message.c.mx_group == mx_group,
            met,
            message.c.next_attempt_at.is_not(None),
        )
        .order_by(message.c.next_attempt_at)
        .limit(few)
    )
    return [(row.id, row.address) for row in tx.connection.execute(query)]


def in_parts(
    tx: Tx, delivery_id: int, mx_group: str, few: int, *, in_hand: bool
) -> list[tuple[int, str]]:
    """Number and address of messages in parts that workers have in hand, or that nobody has."""
    message, part = tables.message, tables.part
    states = [parts.LEASED] if in_hand else [parts.QUEUED, parts.HELD]
    first = (
        select(part.c.id)
        .where(
            part.c.delivery_id == delivery_id,
            part.c.mx_group == mx_group,
            part.c.state.in_(states),
        )
        .order_by(part.c.id)
        .limit(few)
    )
    ids = list(tx.connection.execute(first).scalars())
    query = (
        select(message.c.id, message.c.address)
        .where(message.c.part_id.in_(ids), message.c.status == MessageStatus.PENDING)
        .order_by(message.c.id)
        .limit(few)
    )
    return [(row.id, row.address) for row in tx.connection.execute(query)] if ids else []
