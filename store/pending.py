"""What is pending, in groups, and what is known of those who should send it: for the diagnosis.

A transaction that begins with ``hold_view`` counts each message once. What it costs grows with
parts, with what waits for a retry and with workers, never with what is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, func, select

from mail.cause import Cause
from mail.reason import Reason
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a delivery goes to domains of one MX group by one set of source IPs."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    domain: str  # one of them
    domains: int


def plans(tx: Tx, ids: Iterable[int]) -> list[Plan]:
    """How the mail of these deliveries is planned."""
    table = tables.delivery_domain
    way = (table.c.delivery_id, table.c.mx_group, table.c.source_ips)
    ordered, made = sorted(ids), list[Plan]()
    for start in range(0, len(ordered), _CHUNK):
        query = (
            select(*way, func.min(table.c.domain).label("domain"), func.count().label("domains"))
            .where(table.c.delivery_id.in_(ordered[start : start + _CHUNK]))
            .group_by(*way)
            .order_by(*way)
        )
        made.extend(
            Plan(
                row.delivery_id,
                row.mx_group,
                parts.split_ips(row.source_ips),
                row.domain,
                row.domains,
            )
            for row in tx.connection.execute(query)
        )
    return made


@dataclass(frozen=True, slots=True)
class Retry:
    """Deferred messages by the plan of their domains, and when they are due."""

    source_ips: tuple[str, ...]
    messages: int
    due: int
    next_at: float | None


def retries_by_plan(
    tx: Tx, delivery_id: int, mx_group: str, cause: Cause | None, now: float
) -> list[Retry]:
    """One group of ``retrying``, split by plan: it looks at each of its messages."""
    message, domain = tables.message, tables.delivery_domain
    at = message.c.next_attempt_at
    query = (
        select(
            domain.c.source_ips,
            func.count().label("messages"),
            func.sum(case((at <= now, 1), else_=0)).label("due"),
            func.min(case((at > now, at))).label("next_at"),
        )
        .join(
            domain,
            (domain.c.delivery_id == message.c.delivery_id) & (domain.c.domain == message.c.domain),
        )
        .where(
            message.c.delivery_id == delivery_id,
            message.c.mx_group == mx_group,
            message.c.cause == cause if cause is not None else message.c.cause.is_(None),
            at.is_not(None),
        )
        .group_by(domain.c.source_ips)
        .order_by(domain.c.source_ips)
    )
    return [
        Retry(parts.split_ips(row.source_ips), row.messages, int(row.due), row.next_at)
        for row in tx.connection.execute(query)
    ]


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


@dataclass(frozen=True, slots=True)
class OfDomain:
    """Messages of one delivery to one domain that are pending; ``tried`` of them at least once."""

    delivery_id: int
    domain: str
    mx_group: str
    messages: int
    tried: int


def by_domain(tx: Tx, delivery_id: int) -> list[OfDomain]:
    """What of a delivery is pending, by recipient domain."""
    message = tables.message
    tried = func.sum(case((message.c.attempts > 0, 1), else_=0))
    query = (
        select(message.c.domain, message.c.mx_group, func.count(), tried)
        .where(message.c.delivery_id == delivery_id, message.c.status == MessageStatus.PENDING)
        .group_by(message.c.domain, message.c.mx_group)
        .order_by(message.c.domain)
    )
    return [OfDomain(delivery_id, *map(_plain, row)) for row in tx.connection.execute(query)]


def _plain(value: object) -> Any:
    """PostgreSQL sums whole numbers to decimals."""
    return value if isinstance(value, str) else int(value)  # type: ignore[call-overload]
