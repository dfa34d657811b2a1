"""The delivery log: one line per message, and the transitions behind it. Read only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, exists, literal, select

from mail.reason import Reason
from mail.states import MessageEvent, MessageStatus
from store import log_search, tables
from store.engine import Tx
from store.errors import UnknownMessage
from store.log_filter import Filter, by_delivery_and_ip, narrow, narrow_by

__all__ = [
    "Event",
    "Filter",
    "Message",
    "Transition",
    "events",
    "last_message_id",
    "last_transition_id",
    "message",
    "messages",
    "narrow",
    "some",
    "statuses",
    "transition_from",
    "transitions",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the delivery log."""

    id: int
    delivery_id: int
    address: str
    domain: str
    mx_group: str
    status: MessageStatus
    attempts: int
    part_id: int | None
    next_attempt_at: float | None
    reason: Reason | None
    failure: str | None
    source_ip: str | None
    reply: str | None
    changed_at: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one message."""

    id: int
    message_id: int
    delivery_id: int
    address: str
    at: float
    event: str
    from_status: MessageStatus
    to_status: MessageStatus
    attempt: int
    reason: Reason | None
    failure: str | None
    mta: str | None
    worker_id: int | None
    source_ip: str | None
    code: int | None
    enhanced: str | None
    text: str | None
    duration_ms: float | None
    size_bytes: int | None
    next_attempt_at: float | None


def messages(
    tx: Tx,
    wanted: Filter,
    *,
    after_id: int = 0,
    before_id: int | None = None,
    limit: int = 1000,
    newest: bool = False,
) -> list[Message]:
    """Messages in order of their number; ``newest`` takes the last ``limit`` ones."""
    table = tables.message
    columns = (column for column in table.c if column.name != "fields")
    query = narrow(select(*columns), wanted)
    between = log_search.Numbers(after_id, before_id)
    if not newest:
        query = query.where(*between.hold(table.c.id)).order_by(table.c.id).limit(limit)
        return [_message(row) for row in tx.connection.execute(query)]
    return [_message(row) for row in log_search.newest(tx, query, wanted, limit, between)][::-1]


def transitions(
    tx: Tx,
    wanted: Filter,
    *,
    after_id: int = 0,
    before_id: int | None = None,
    limit: int = 1000,
    newest: bool = False,
) -> list[Transition]:
    """Transitions in the order they were written; ``newest`` takes the last ``limit`` ones."""
    table, message = tables.transition, tables.message
    query = select(table, message.c.address).join(message, message.c.id == table.c.message_id)
    query = narrow_by(query, wanted, table.c.to_status, table.c.at)
    query = by_delivery_and_ip(query, wanted, table)
    between = log_search.Numbers(after_id, before_id)
    if wanted.reason is not None:
        query = query.where(table.c.reason == int(wanted.reason))
    if not newest:
        query = query.where(*between.hold(table.c.id)).order_by(table.c.id).limit(limit)
        return [transition_from(row) for row in tx.connection.execute(query)]
    found = log_search.newest_changes(tx, query, wanted, limit, between)
    return [transition_from(row) for row in found][::-1]


@dataclass(frozen=True, slots=True)
class Event:
    """A transition with what its message and its delivery say."""

    transition: Transition
    mx_group: str
    affinity: str
    label: str
    submitted_at: float
    is_first: bool = False  # of its message; only where that was asked for


def events(
    tx: Tx,
    wanted: Filter,
    *,
    after_id: int = 0,
    up_to_id: int | None = None,
    limit: int = 1000,
    with_first: bool = False,
    only: Collection[MessageEvent] | None = None,
) -> list[Event]:
    """Transitions in the order they were written, for export.

    Args:
        tx: the transaction.
        wanted: which.
        after_id: only those with a higher number.
        up_to_id: only those whose number is not higher.
        limit: so many at most.
        with_first: find out whether each is the first of its message: a look into an index.
        only: events of these kinds; None: all.
    """
    table, message, delivery = tables.transition, tables.message, tables.delivery
    earlier = table.alias()
    before = exists().where(earlier.c.message_id == table.c.message_id, earlier.c.id < table.c.id)
    query = (
        select(
            table,
            message.c.address,
            message.c.mx_group,
            delivery.c.affinity,
            delivery.c.label,
            delivery.c.submitted_at,
            (~before if with_first else literal(value=False)).label("is_first"),
        )
        .join(message, message.c.id == table.c.message_id)
        .join(delivery, delivery.c.id == table.c.delivery_id)
        .where(table.c.id > after_id)
    )
    if up_to_id is not None:
        query = query.where(table.c.id <= up_to_id)
    if only is not None:
        query = query.where(table.c.event.in_([str(each) for each in only]))
    query = narrow_by(query, wanted, table.c.to_status, table.c.at)
    query = by_delivery_and_ip(query, wanted, table).order_by(table.c.id).limit(limit)
    return [
        Event(
            transition_from(row),
            row.mx_group,
            row.affinity,
            row.label,
            row.submitted_at,
            bool(row.is_first),
        )
        for row in tx.connection.execute(query)
    ]


def message(tx: Tx, message_id: int) -> tuple[Message, list[Transition]]:
    """One message with all its transitions, oldest first.

    Raises:
        UnknownMessage: there is none of that number.
    """
    table = tables.message
    columns = (column for column in table.c if column.name != "fields")
    row = tx.connection.execute(select(*columns).where(table.c.id == message_id)).one_or_none()
    if row is None:
        raise UnknownMessage(message_id)
    changes = tables.transition
    query = (
        select(changes, table.c.address)
        .join(table, table.c.id == changes.c.message_id)
        .where(changes.c.message_id == message_id)
        .order_by(changes.c.id)
    )
    return _message(row), [transition_from(each) for each in tx.connection.execute(query)]


def some(tx: Tx, message_ids: Sequence[int]) -> list[Message]:
    """Up to a few hundred messages by their numbers, those that are there, newest first."""
    table = tables.message
    columns = (column for column in table.c if column.name != "fields")
    query = select(*columns).where(table.c.id.in_(list(message_ids))).order_by(table.c.id.desc())
    return [_message(row) for row in tx.connection.execute(query)]


def last_message_id(tx: Tx) -> int:
    """The number of the newest message; 0 when there is none."""
    table = tables.message
    newest = tx.connection.scalar(select(table.c.id).order_by(table.c.id.desc()).limit(1))
    return int(newest or 0)


def last_transition_id(tx: Tx) -> int:
    """The number of the newest transition; 0 when there is none. Where ``follow`` starts."""
    table = tables.transition
    newest = tx.connection.scalar(select(table.c.id).order_by(table.c.id.desc()).limit(1))
    return int(newest or 0)


def statuses(tx: Tx, message_ids: Sequence[int]) -> dict[int, tuple[int, MessageStatus]]:
    """Delivery and status of up to a few hundred messages, by message number."""
    table = tables.message
    query = select(table.c.id, table.c.delivery_id, table.c.status).where(
        table.c.id.in_(list(message_ids))
    )
    return {
        row.id: (row.delivery_id, MessageStatus(row.status)) for row in tx.connection.execute(query)
    }


def _message(row: Row[Any]) -> Message:
    return Message(
        row.id,
        row.delivery_id,
        row.address,
        row.domain,
        row.mx_group,
        MessageStatus(row.status),
        row.attempts,
        row.part_id,
        row.next_attempt_at,
        None if row.reason is None else Reason(row.reason),
        row.failure,
        row.source_ip,
        row.reply,
        row.changed_at,
    )


def transition_from(row: Row[Any]) -> Transition:
    """A transition as its row has it, with the address of its message."""
    return Transition(
        row.id,
        row.message_id,
        row.delivery_id,
        row.address,
        row.at,
        row.event,
        MessageStatus(row.from_status),
        MessageStatus(row.to_status),
        row.attempt,
        None if row.reason is None else Reason(row.reason),
        row.failure,
        row.mta,
        row.worker_id,
        row.source_ip,
        row.code,
        row.enhanced,
        row.text,
        row.duration_ms,
        row.size_bytes,
        row.next_attempt_at,
    )
