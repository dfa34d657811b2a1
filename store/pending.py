"""What is pending, in groups, and what is known of those who should send it: for the diagnosis.

A transaction that begins with ``hold_view`` counts each message once. What it costs grows with
parts, with what waits for a retry and with workers, never with what is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, func, select

from mail.cause import Cause
from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, halts, modules, parts, reports, tables
from store.engine import Tx

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Queued:
    """Parts of one delivery for one MX group, by one plan, that are in nobody's hand."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    parts: int
    messages: int
    first_part: int
    wave: int | None = None  # that has not begun


@dataclass(frozen=True, slots=True)
class Lent:
    """A part in a worker's hand, with those of its messages that have no outcome yet."""

    part_id: int
    delivery_id: int
    mx_group: str
    lane: str
    source_ip: str
    worker_id: int
    leased_at: float
    leased_until: float
    messages: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """Messages in no part that wait for one cause; ``due`` of them are due already."""

    delivery_id: int
    mx_group: str
    cause: Cause | None
    messages: int
    earliest_at: float
    due: int
    next_at: float | None  # the first that is not due yet


@dataclass(frozen=True, slots=True)
class LaneState:
    """What outlives a lane's owners; a suspension may be over."""

    tat: float | None = None
    suspended_until: float | None = None  # infinite without an end
    because: str = ""
    errors: int | None = None  # where the breaker suspended it: so many
    attempts: int | None = None  # of so many


@dataclass(frozen=True, slots=True)
class View:
    """All that the diagnosis reads; deliveries are those of which something is pending."""

    queued: Sequence[Queued]
    lent: Sequence[Lent]
    retrying: Sequence[Retrying]
    deliveries: Mapping[int, deliveries.Delivery]
    services: Sequence[modules.Module]  # scheduler, sinks, submission
    instances: Sequence[modules.Instance]
    workers: Sequence[modules.Worker]
    reports: Sequence[reports.LaneReport]
    halts: Mapping[str, halts.Halt]
    lanes: Mapping[str, LaneState]
    waves: Mapping[tuple[int, int], float]  # (delivery, wave) → start, of those that have not begun
    noted_at: float | None  # when the audit was last written


def view(tx: Tx, now: float, delivery_id: int | None = None) -> View:
    """What is pending, of one delivery or of all, and who could send it."""
    ahead = waves_ahead(tx)
    waiting = queued(tx, delivery_id, {each for each, _ in ahead})
    in_hand = lent(tx)
    deferred = retrying(tx, now, delivery_id)
    ids = {each.delivery_id for each in waiting} | {each.delivery_id for each in deferred}
    ids |= {each.delivery_id for each in in_hand}
    lane = tables.lane
    audit = tables.audit
    return View(
        waiting,
        in_hand,
        deferred,
        found(tx, ids),
        modules.modules(tx),
        modules.instances(tx),
        modules.live_workers(tx),
        reports.reports(tx),
        halts.halts(tx),
        {
            row.key: LaneState(
                row.tat,
                row.suspended_until,
                row.suspended_because or "",
                row.breaker_errors,
                row.breaker_attempts,
            )
            for row in tx.connection.execute(select(lane))
        },
        ahead,
        tx.connection.scalar(select(audit.c.at).order_by(audit.c.id.desc()).limit(1)),
    )


def waves_ahead(tx: Tx) -> dict[tuple[int, int], float]:
    """When the waves that have not begun will, of deliveries that are not over."""
    wave, delivery = tables.wave, tables.delivery
    query = (
        select(wave.c.delivery_id, wave.c.wave, wave.c.starts_at)
        .join(delivery, delivery.c.id == wave.c.delivery_id)
        .where(
            wave.c.started_at.is_(None),
            delivery.c.status.in_((*deliveries.UNFINISHED, DeliveryStatus.EDITING)),
        )
        .order_by(wave.c.delivery_id, wave.c.wave)
    )
    return {(row.delivery_id, row.wave): row.starts_at for row in tx.connection.execute(query)}


def queued(
    tx: Tx, delivery_id: int | None = None, in_waves: AbstractSet[int] = frozenset()
) -> list[Queued]:
    """What is in parts that nobody holds, of deliveries of every status.

    ``in_waves``: deliveries of which some wave has not begun; what is held of them is told by wave.
    """
    part = tables.part
    way = (part.c.state, part.c.delivery_id, part.c.mx_group, part.c.source_ips)
    # Summed up in the order of one index. To leave out those that are lent would cost more.
    query = (
        select(
            *way,
            func.count().label("parts"),
            func.sum(part.c.size).label("messages"),
            func.min(part.c.id).label("first_part"),
        )
        .group_by(*way)
        .order_by(part.c.delivery_id, part.c.mx_group, part.c.source_ips)
    )
    if delivery_id is not None:
        query = query.where(
            part.c.state.in_((parts.QUEUED, parts.HELD)), part.c.delivery_id == delivery_id
        )
    return [
        Queued(
            row.delivery_id,
            row.mx_group,
            parts.split_ips(row.source_ips),
            row.parts,
            int(row.messages),
            row.first_part,
        )
        for row in tx.connection.execute(query)
        if row.state != parts.LEASED
        and row.messages
        and not (row.state == parts.HELD and row.delivery_id in in_waves)
    ] + _held_by_wave(tx, in_waves if delivery_id is None else in_waves & {delivery_id})


def _held_by_wave(tx: Tx, ids: AbstractSet[int]) -> list[Queued]:
    part, ordered, made = tables.part, sorted(ids), list[Queued]()
    way = (part.c.delivery_id, part.c.mx_group, part.c.source_ips, part.c.wave)
    for start in range(0, len(ordered), _CHUNK):
        query = (
            select(
                *way,
                func.count().label("parts"),
                func.sum(part.c.size).label("messages"),
                func.min(part.c.id).label("first_part"),
            )
            .where(
                part.c.state == parts.HELD,
                part.c.delivery_id.in_(ordered[start : start + _CHUNK]),
            )
            .group_by(*way)
            .order_by(*way)
        )
        made.extend(
            Queued(
                row.delivery_id,
                row.mx_group,
                parts.split_ips(row.source_ips),
                row.parts,
                int(row.messages),
                row.first_part,
                row.wave,
            )
            for row in tx.connection.execute(query)
            if row.messages
        )
    return made


def lent(tx: Tx) -> list[Lent]:
    """What workers hold, of all deliveries: part by part, in the order in which it was lent."""
    part, message = tables.part, tables.message
    columns = (
        part.c.id,
        part.c.delivery_id,
        part.c.mx_group,
        part.c.lane,
        part.c.source_ip,
        part.c.worker_id,
        part.c.leased_at,
        part.c.leased_until,
    )
    query = (
        select(*columns, func.count().label("messages"))
        .join(message, message.c.part_id == part.c.id)
        .where(part.c.state == parts.LEASED, message.c.status == MessageStatus.PENDING)
        .group_by(*columns)
        .order_by(part.c.leased_at, part.c.id)
    )
    return [Lent(*row) for row in tx.connection.execute(query)]


def retrying(tx: Tx, now: float, delivery_id: int | None = None) -> list[Retrying]:
    """What is in no part: deferred, or to be cut anew."""
    message = tables.message
    way = (message.c.delivery_id, message.c.mx_group, message.c.cause)
    at = message.c.next_attempt_at
    query = (
        select(
            *way,
            func.count().label("messages"),
            func.min(at).label("earliest_at"),
            func.sum(case((at <= now, 1), else_=0)).label("due"),
            func.min(case((at > now, at))).label("next_at"),
        )
        .where(at.is_not(None))  # all that the index needs to know
        .group_by(*way)
        .order_by(*way)
    )
    if delivery_id is not None:
        query = query.where(message.c.delivery_id == delivery_id)
    return [
        Retrying(
            row.delivery_id,
            row.mx_group,
            None if row.cause is None else Cause(row.cause),
            row.messages,
            row.earliest_at,
            int(row.due),
            row.next_at,
        )
        for row in tx.connection.execute(query)
    ]


def found(tx: Tx, ids: Iterable[int]) -> dict[int, deliveries.Delivery]:
    """Deliveries by number."""
    ordered = sorted(ids)
    return {
        each.id: each
        for start in range(0, len(ordered), _CHUNK)
        for each in deliveries.find(tx, ids=ordered[start : start + _CHUNK], limit=_CHUNK)
    }


def pauses(tx: Tx, ids: Iterable[int]) -> dict[int, tuple[float, str]]:
    """When paused deliveries were, and the audit's words for it."""
    audit, made = tables.audit, dict[int, tuple[float, str]]()
    for delivery_id in sorted(ids):
        row = tx.connection.execute(
            select(audit.c.at, audit.c.text)
            .where(
                audit.c.delivery_id == delivery_id,
                audit.c.text.like(f"%→ {DeliveryStatus.PAUSED}%"),
            )
            .order_by(audit.c.id.desc())
            .limit(1)
        ).one_or_none()
        if row is not None:
            made[delivery_id] = (row.at, row.text.partition(": ")[2])
    return made


def queued_since(tx: Tx, part_ids: Sequence[int]) -> dict[int, float]:
    """Since when parts have waited, of those of which it is known."""
    part, made = tables.part, dict[int, float]()
    for start in range(0, len(part_ids), _CHUNK):
        query = select(part.c.id, part.c.queued_at).where(
            part.c.id.in_(part_ids[start : start + _CHUNK]), part.c.queued_at.is_not(None)
        )
        made.update((row.id, row.queued_at) for row in tx.connection.execute(query))
    return made
