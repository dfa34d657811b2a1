"""Deliveries: how they come to be, change and end. The one writer of delivery statuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Float, Row, Select, and_, bindparam, exists, func, select

from mail.address_status import AddressStatus
from mail.reason import Reason
from mail.states import DeliveryEvent, DeliveryStatus, MessageStatus, delivery_after
from store import audit, exclusion, part_size, rollups, tables
from store.dialects import Watch
from store.engine import Tx
from store.errors import SubmissionGone, UnknownDelivery

OPEN_GRACE_S = 60.0  # clocks of processes that append and that finish may differ
ABANDONED_AFTER_S = 600.0  # a submission that lives writes every few seconds
ACTIVE = (DeliveryStatus.START_PENDING, DeliveryStatus.IN_PROGRESS)
UNFINISHED = (DeliveryStatus.READY, *ACTIVE, DeliveryStatus.PAUSED)  # analysed, and not over


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What a submission says of its delivery; times in epoch seconds."""

    label: str
    affinity: str
    priority: int
    part_size: int
    submitted_at: float
    contact_at: float
    expires_at: float
    source_file: str
    source: bytes
    open_until: float | None = None  # more messages may join it until then


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery with its counters; ``counts`` maps a message status to a number of messages."""

    id: int
    label: str
    status: DeliveryStatus
    affinity: str
    priority: int
    part_size: int
    submitted_at: float
    contact_at: float
    expires_at: float
    started_at: float | None
    finished_at: float | None
    messages: int
    open_until: float | None  # more messages may join it until then
    counts: Mapping[str, int]


def create(tx: Tx, new: NewDelivery) -> int:
    """A delivery in state ``editing``: nothing of it is sent before ``confirm``."""
    result = tx.connection.execute(
        tables.delivery.insert()
        .values(
            label=new.label,
            status=DeliveryStatus.EDITING,
            affinity=new.affinity,
            priority=new.priority,
            part_size=new.part_size,
            submitted_at=new.submitted_at,
            contact_at=new.contact_at,
            expires_at=new.expires_at,
            messages=0,
            source_file=new.source_file,
            source=new.source,
            open_until=new.open_until,
        )
        .returning(tables.delivery.c.id)
    )
    return int(result.scalar_one())


def advance(tx: Tx, delivery_id: int, event: DeliveryEvent, at: float, why: str = "") -> None:
    """Fire one event at a delivery and note it in the audit.

    Raises:
        UnknownDelivery: there is none of that number.
        IllegalTransition: its status does not allow the event.
    """
    table = tables.delivery
    status = _status(tx, delivery_id)
    after = delivery_after(status, event)
    values: dict[str, Any] = {"status": after}
    if event is DeliveryEvent.STARTED:
        values["started_at"] = func.coalesce(table.c.started_at, at)
    if after in (DeliveryStatus.FINISHED, DeliveryStatus.CANCELLED, DeliveryStatus.FAILED):
        values["finished_at"] = at
    tx.connection.execute(table.update().where(table.c.id == delivery_id).values(**values))
    text = f"{status} → {after}" + (f": {why}" if why else "")
    audit.note(tx, at, text, delivery_id=delivery_id)


def _status(tx: Tx, delivery_id: int) -> DeliveryStatus:
    """The status as it stands, and as nobody else can change it until commit."""
    table = tables.delivery
    status = tx.connection.scalar(
        select(table.c.status).where(table.c.id == delivery_id).with_for_update()
    )
    if status is None:
        raise UnknownDelivery(delivery_id)
    return DeliveryStatus(status)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the analysis of a submission found."""

    messages: int
    duplicates: int
    quarantined: int
    denylisted: int = 0


def confirm(
    tx: Tx, delivery_id: int, at: float, *, hold: bool = False, keep_quarantined: bool = False
) -> Analysis:
    """Analyse and confirm a delivery whose messages are all there; from now on it may start.

    With ``hold`` it stays ``ready``: analysed, and nothing of it is sent before an operator
    confirms it. Its validity runs. ``keep_quarantined``: sent to quarantined addresses too, as
    proofs are; never to denylisted ones.

    Raises:
        SubmissionGone: the delivery is not being submitted any more.
    """
    if _status(tx, delivery_id) is DeliveryStatus.FAILED:
        raise SubmissionGone(delivery_id)
    advance(tx, delivery_id, DeliveryEvent.ANALYSED, at)
    message = tables.message
    count = tx.connection.scalar(
        select(func.count()).select_from(message).where(message.c.delivery_id == delivery_id)
    )
    messages = int(count or 0)
    tx.connection.execute(
        tables.delivery.update()
        .where(tables.delivery.c.id == delivery_id)
        .values(messages=messages)
    )
    domains = (
        select(
            message.c.delivery_id,
            message.c.domain,
            message.c.mx_group,
            func.min(tables.part.c.source_ips),
            func.count(),
        )
        .join(tables.part, tables.part.c.id == message.c.part_id)
        .where(message.c.delivery_id == delivery_id)
        .group_by(message.c.delivery_id, message.c.domain, message.c.mx_group)
    )
    tx.connection.execute(
        tables.delivery_domain.insert().from_select(
            ["delivery_id", "domain", "mx_group", "source_ips", "messages"], domains
        )
    )
    rollups.add_pending(tx, delivery_id, messages)
    duplicates = _exclude_duplicates(tx, delivery_id, at)
    denylisted = exclusion.exclude(tx, delivery_id, AddressStatus.DENYLISTED, at)
    quarantined = 0
    if not keep_quarantined:
        quarantined = exclusion.exclude(tx, delivery_id, AddressStatus.QUARANTINED, at)
    if duplicates or denylisted or quarantined:
        part_size.recount(tx, delivery_id)
    if hold:
        text = f"{messages} messages to send, held until the delivery is confirmed"
        audit.note(tx, at, text, delivery_id=delivery_id)
    else:
        advance(tx, delivery_id, DeliveryEvent.CONFIRMED, at, f"{messages} messages to send")
    return Analysis(messages, duplicates, quarantined, denylisted)


def _exclude_duplicates(tx: Tx, delivery_id: int, at: float) -> int:
    """All but the first message to one address; the local part counts case and all (RFC 5321)."""
    message = tables.message
    numbered = (
        select(
            message.c.id,
            func.row_number()
            .over(partition_by=message.c.address, order_by=message.c.id)
            .label("place"),
        )
        .where(message.c.delivery_id == delivery_id)
        .subquery()
    )
    again = select(numbered.c.id).where(numbered.c.place > 1)
    text = "the address stands in this delivery already"
    return exclusion.apply(tx, delivery_id, again, at, Reason.DUPLICATE, text)


def discard(tx: Tx, delivery_id: int, at: float, why: str) -> None:
    """Take back a delivery whose submission failed: its messages go, the audit stays."""
    for table in (tables.message, tables.part, tables.delivery_domain, tables.wave):
        tx.connection.execute(table.delete().where(table.c.delivery_id == delivery_id))
    rollups.forget(tx, [delivery_id])
    advance(tx, delivery_id, DeliveryEvent.ANALYSIS_FAILED, at, why)


def is_any_abandoned(tx: Tx, silent_since: float) -> bool:
    """Whether a submission gave no sign of life since then."""
    return bool(tx.connection.scalar(select(_abandoned(silent_since).exists())))


def _abandoned(silent_since: float) -> Select[int]:
    table = tables.delivery
    return select(table.c.id).where(
        table.c.status == DeliveryStatus.EDITING, table.c.submitted_at <= silent_since
    )


def discard_abandoned(tx: Tx, silent_since: float, at: float) -> list[int]:
    """Take back deliveries whose submission was killed: no sign of life since then."""
    found = sorted(tx.connection.execute(_abandoned(silent_since)).scalars())
    for delivery_id in found:
        discard(tx, delivery_id, at, "its submission had come to a standstill")
    return found


def source_of(tx: Tx, delivery_id: int) -> tuple[str, bytes]:
    """The message source: its file's name and its bytes."""
    table = tables.delivery
    row = tx.connection.execute(
        select(table.c.source_file, table.c.source).where(table.c.id == delivery_id)
    ).one_or_none()
    if row is None:
        raise UnknownDelivery(delivery_id)
    return row.source_file, bytes(row.source)


def first_submitted_at(tx: Tx) -> float | None:
    """When the oldest delivery was submitted; None without any."""
    query = select(func.min(tables.delivery.c.submitted_at))
    found: float | None = tx.connection.scalar(query)
    return found


def part_sizes(tx: Tx, delivery_ids: Sequence[int]) -> dict[int, int]:
    """Messages per part, by delivery."""
    table = tables.delivery
    query = select(table.c.id, table.c.part_size).where(table.c.id.in_(list(delivery_ids)))
    return {row.id: row.part_size for row in tx.connection.execute(query)}


_COLUMNS = [column for column in tables.delivery.c if column.name not in ("source", "source_file")]


def find(
    tx: Tx,
    *,
    ids: Sequence[int] | None = None,
    limit: int = 200,
    newest_first: bool = True,
    before_id: int | None = None,
) -> list[Delivery]:
    """Deliveries with their counters; those that are deleted only if their number is given."""
    table = tables.delivery
    query = select(*_COLUMNS).limit(limit)
    query = query.order_by(table.c.id.desc() if newest_first else table.c.id)
    if before_id is not None:
        query = query.where(table.c.id < before_id)
    if ids is None:
        mark = tables.delivery_retention
        is_deleted = exists().where(
            mark.c.delivery_id == table.c.id, mark.c.deleted_at.is_not(None)
        )
        query = query.where(~is_deleted)
    else:
        query = query.where(table.c.id.in_(list(ids)))
    rows = tx.connection.execute(query).all()
    counts = _counts(tx, [row.id for row in rows])
    return [_delivery(row, counts.get(row.id, {})) for row in rows]


def get(tx: Tx, delivery_id: int) -> Delivery:
    """One delivery.

    Raises:
        UnknownDelivery: there is none of that number.
    """
    found = find(tx, ids=[delivery_id])
    if not found:
        raise UnknownDelivery(delivery_id)
    return found[0]


def _counts(tx: Tx, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    table = tables.rollup_status
    query = (
        select(table.c.delivery_id, table.c.status, func.sum(table.c.messages).label("messages"))
        .where(table.c.delivery_id.in_(list(ids)))
        .group_by(table.c.delivery_id, table.c.status)
    )
    counts: dict[int, dict[str, int]] = {}
    for row in tx.connection.execute(query):
        counts.setdefault(row.delivery_id, {})[row.status] = int(row.messages)
    return counts


def _delivery(row: Row[Any], counts: Mapping[str, int]) -> Delivery:
    return Delivery(
        row.id,
        row.label,
        DeliveryStatus(row.status),
        row.affinity,
        row.priority,
        row.part_size,
        row.submitted_at,
        row.contact_at,
        row.expires_at,
        row.started_at,
        row.finished_at,
        row.messages,
        row.open_until,
        counts,
    )


def may_be_any(watch: Watch, *statuses: DeliveryStatus) -> bool:
    """Whether any delivery may have one of these; asks less than a transaction does."""
    return any(watch.has_any(tables.delivery, "status", str(each)) for each in statuses)


def is_any_unfinished(tx: Tx) -> bool:
    """Whether an analysed delivery is not over: unconfirmed, waiting, under way or paused."""
    return bool(tx.connection.scalar(_IS_ANY_UNFINISHED))


def is_any_complete(tx: Tx, at: float) -> bool:
    """Whether ``finish_complete`` would end any."""
    return bool(tx.connection.scalar(_IS_ANY_COMPLETE, {"at": at}))


_AT: Final = bindparam("at", type_=Float)


def _complete() -> Select[int]:
    """Those at a time ``at``."""
    table, counts = tables.delivery, tables.rollup_status
    pending = exists().where(
        counts.c.delivery_id == table.c.id,
        counts.c.status == MessageStatus.PENDING,
        counts.c.messages > 0,
    )
    is_open = and_(table.c.open_until.is_not(None), table.c.open_until + OPEN_GRACE_S > _AT)
    return select(table.c.id).where(table.c.status.in_(UNFINISHED), ~pending, ~is_open)


# Asked for several times a second: to put such a statement together takes longer than to run it.
_COMPLETE: Final = _complete()
_IS_ANY_COMPLETE: Final = select(_COMPLETE.exists())
_IS_ANY_UNFINISHED: Final = select(exists().where(tables.delivery.c.status.in_(UNFINISHED)))


def finish_complete(tx: Tx, at: float) -> list[int]:
    """End the analysed deliveries, in whatever state, of which no message is pending any more."""
    finished = sorted(map(int, tx.connection.execute(_COMPLETE, {"at": at}).scalars()))
    for delivery_id in finished:
        # A worker keeps its last part of a limited lane until its connections are closed.
        part = tables.part
        tx.connection.execute(
            part.delete().where(
                part.c.state.in_(("queued", "held")), part.c.delivery_id == delivery_id
            )
        )
        advance(tx, delivery_id, DeliveryEvent.COMPLETED, at)
    return finished
