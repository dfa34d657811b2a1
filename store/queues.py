"""What waits and where, and what went out by whom: from parts and roll-ups. Read only."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from mail.reason import Reason
from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, parts, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Waiting:
    """Parts of one delivery for one MX group that are queued for want of a lease."""

    delivery_id: int
    affinity: str
    mx_group: str
    source_ips: tuple[str, ...]
    parts: int
    messages: int
    is_held: bool = False  # it has no source IP, or its wave has not begun


@dataclass(frozen=True, slots=True)
class InHand:
    """What one worker holds of one delivery on one lane."""

    delivery_id: int
    lane: str
    source_ip: str
    worker_id: int
    parts: int
    messages: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """Deferred messages that wait for their next attempt."""

    delivery_id: int
    mx_group: str
    messages: int
    earliest_at: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """Outcomes of one worker by one source IP to one MX group."""

    mta: str
    worker_id: int
    source_ip: str
    mx_group: str
    sent: int
    deferred: int
    failed: int
    bytes: int


def waiting(tx: Tx) -> list[Waiting]:
    """Parts in nobody's hand, of active and paused deliveries.

    Summed up in the order of one index: a millisecond for six thousand parts on SQLite.
    """
    return _waiting(tx, (*deliveries.ACTIVE, DeliveryStatus.PAUSED))


def unconfirmed(tx: Tx) -> list[Waiting]:
    """The same of deliveries that nobody has confirmed yet."""
    return _waiting(tx, (DeliveryStatus.READY,))


def _waiting(tx: Tx, statuses: Sequence[DeliveryStatus]) -> list[Waiting]:
    part, delivery = tables.part, tables.delivery
    way = (part.c.state, part.c.delivery_id, part.c.mx_group, part.c.source_ips)
    # The few that are leased are summed up too: to ask each part costs more.
    sums = (
        select(*way, func.count().label("parts"), func.sum(part.c.size).label("messages"))
        .group_by(*way)
        .subquery()
    )
    query = (
        select(sums, delivery.c.affinity)
        .join(delivery, delivery.c.id == sums.c.delivery_id)
        .where(delivery.c.status.in_(statuses))
        .order_by(sums.c.delivery_id, sums.c.mx_group, sums.c.source_ips, sums.c.state)
    )
    return [
        Waiting(
            row.delivery_id,
            row.affinity,
            row.mx_group,
            parts.split_ips(row.source_ips),
            row.parts,
            int(row.messages),
            row.state == parts.HELD,
        )
        for row in tx.connection.execute(query)
        if row.state != parts.LEASED
    ]


def in_hand(tx: Tx) -> list[InHand]:
    """What workers hold: messages that have no outcome yet."""
    part, message = tables.part, tables.message
    columns = (part.c.delivery_id, part.c.lane, part.c.source_ip, part.c.worker_id)
    query = (
        select(
            *columns,
            func.count(part.c.id.distinct()).label("parts"),
            func.count().label("messages"),
        )
        .join(message, message.c.part_id == part.c.id)
        .where(part.c.state == parts.LEASED, message.c.status == MessageStatus.PENDING)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        InHand(
            row.delivery_id,
            row.lane,
            row.source_ip,
            row.worker_id,
            row.parts,
            int(row.messages),
        )
        for row in tx.connection.execute(query)
    ]


def retrying(tx: Tx) -> list[Retrying]:
    """Messages between two attempts."""
    message = tables.message
    query = (
        select(
            message.c.delivery_id,
            message.c.mx_group,
            func.count().label("messages"),
            func.min(message.c.next_attempt_at).label("earliest_at"),
        )
        .where(message.c.next_attempt_at.is_not(None))  # all that the index needs to know
        .group_by(message.c.delivery_id, message.c.mx_group)
        .order_by(message.c.delivery_id, message.c.mx_group)
    )
    return [
        Retrying(row.delivery_id, row.mx_group, row.messages, row.earliest_at)
        for row in tx.connection.execute(query)
    ]


def by_reason(tx: Tx) -> list[tuple[MessageStatus, Reason, int]]:
    """Messages of the whole lab by status and reason (NOT_DEFINED: none)."""
    table = tables.rollup_status
    query = (
        select(table.c.status, table.c.reason, func.sum(table.c.messages).label("messages"))
        .group_by(table.c.status, table.c.reason)
        .order_by(table.c.status, table.c.reason)
    )
    return [
        (MessageStatus(row.status), Reason(row.reason), int(row.messages))
        for row in tx.connection.execute(query)
        if row.messages
    ]


def traffic(tx: Tx, *, since: float = 0.0) -> list[Traffic]:
    """Outcomes since a time (whole minutes), by worker, source IP and MX group."""
    table = tables.rollup_minute
    columns = (table.c.mta, table.c.worker_id, table.c.source_ip, table.c.mx_group)
    query = (
        select(
            *columns,
            func.sum(table.c.sent).label("sent"),
            func.sum(table.c.deferred).label("deferred"),
            func.sum(table.c.failed).label("failed"),
            func.sum(table.c.bytes).label("bytes"),
        )
        .where(table.c.minute >= int(since // 60))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Traffic(
            row.mta,
            row.worker_id,
            row.source_ip,
            row.mx_group,
            int(row.sent),
            int(row.deferred),
            int(row.failed),
            int(row.bytes),
        )
        for row in tx.connection.execute(query)
    ]
