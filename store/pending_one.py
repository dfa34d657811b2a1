"""One pending message: its place, and the last word on one; for the diagnosis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mail.cause import Cause
from mail.reason import Reason
from mail.states import MessageStatus
from store import parts, tables
from store.engine import Tx

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Last:
    """The last word on one of some deferred messages."""

    message_id: int
    attempts: int
    reply: str
    reason: str | None  # its label
    source_ip: str | None
    at: float


def last_word(tx: Tx, delivery_id: int, mx_group: str, cause: Cause | None) -> Last | None:
    """Of the one that is due first."""
    message = tables.message
    row = tx.connection.execute(
        select(
            message.c.id,
            message.c.attempts,
            message.c.reply,
            message.c.reason,
            message.c.source_ip,
            message.c.changed_at,
        )
        .where(
            message.c.delivery_id == delivery_id,
            message.c.mx_group == mx_group,
            message.c.cause == cause if cause is not None else message.c.cause.is_(None),
            message.c.next_attempt_at.is_not(None),
        )
        .order_by(message.c.next_attempt_at)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    reason = None if row.reason is None else Reason(row.reason).label
    return Last(row.id, row.attempts, row.reply or "", reason, row.source_ip, row.changed_at)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pending message is."""

    part_id: int | None
    state: str | None  # of its part
    source_ips: tuple[str, ...]  # of its part, or of its domain's plan where it is in none
    worker_id: int | None
    lane: str | None
    source_ip: str | None
    leased_at: float | None
    ahead_in_part: int  # pending messages of its part before it
    parts_ahead: int  # messages in queued parts of its group before its own
    cause: Cause | None  # what it waits for, by its last deferral
    wave: int | None  # of its delivery


def place_of(tx: Tx, message_id: int) -> Place | None:
    """Where a message is; None if there is no such message or it is not pending."""
    message, part, domain = tables.message, tables.part, tables.delivery_domain
    row = tx.connection.execute(
        select(
            message.c.part_id,
            message.c.delivery_id,
            message.c.cause,
            message.c.wave,
            part.c.state,
            part.c.mx_group,
            func.coalesce(part.c.source_ips, domain.c.source_ips).label("source_ips"),
            part.c.worker_id,
            part.c.lane,
            part.c.source_ip,
            part.c.leased_at,
        )
        .join(part, part.c.id == message.c.part_id, isouter=True)
        .join(
            domain,
            (domain.c.delivery_id == message.c.delivery_id) & (domain.c.domain == message.c.domain),
            isouter=True,
        )
        .where(message.c.id == message_id, message.c.status == MessageStatus.PENDING)
    ).one_or_none()
    if row is None:
        return None
    ahead = parts_ahead = 0
    if row.part_id is not None:
        ahead = (
            tx.connection.scalar(
                select(func.count()).where(
                    message.c.part_id == row.part_id,
                    message.c.status == MessageStatus.PENDING,
                    message.c.id < message_id,
                )
            )
            or 0
        )
        if row.state != parts.LEASED:
            parts_ahead = (
                tx.connection.scalar(
                    select(func.sum(part.c.size)).where(
                        part.c.state == row.state,
                        part.c.delivery_id == row.delivery_id,
                        part.c.mx_group == row.mx_group,
                        part.c.source_ips == row.source_ips,
                        part.c.id < row.part_id,
                    )
                )
                or 0
            )
    return Place(
        row.part_id,
        row.state,
        parts.split_ips(row.source_ips or ""),
        row.worker_id,
        row.lane,
        row.source_ip,
        row.leased_at,
        int(ahead),
        int(parts_ahead),
        None if row.cause is None else Cause(row.cause),
        row.wave,
    )


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """How many messages of a worker's part are pending although their outcome is known to it."""

    part_id: int
    messages: int


def unrecorded(tx: Tx, worker_id: int, message_ids: Sequence[int]) -> list[Unrecorded]:
    """Of these messages those that are still pending in parts of the worker."""
    message, part = tables.message, tables.part
    counts: dict[int, int] = {}
    for start in range(0, len(message_ids), _CHUNK):
        query = (
            select(message.c.part_id, func.count().label("messages"))
            .join(part, part.c.id == message.c.part_id)
            .where(
                message.c.id.in_(message_ids[start : start + _CHUNK]),
                message.c.status == MessageStatus.PENDING,
                part.c.worker_id == worker_id,
            )
            .group_by(message.c.part_id)
        )
        for row in tx.connection.execute(query):
            counts[row.part_id] = counts.get(row.part_id, 0) + row.messages
    return [Unrecorded(part_id, count) for part_id, count in sorted(counts.items())]
