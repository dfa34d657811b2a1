"""Parts: made at submission or for retries, queued, leased to one worker, given back or finished.

A lease has an owner, an epoch and an end. The epoch grows with each lease, and whoever holds an
older one can write nothing: ``transitions.record`` and ``settle`` ask for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from mail.states import DeliveryEvent, DeliveryStatus, MessageStatus
from store import audit, deliveries, modules, tables, transitions
from store.engine import Tx

QUEUED: Final = "queued"
LEASED: Final = "leased"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One recipient; ``fields`` is a JSON object of the personal fields."""

    address: str
    domain: str
    fields: str


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part of a delivery that is being submitted; ``source_ips`` are those its masks admit."""

    mx_group: str
    source_ips: tuple[str, ...]
    messages: Sequence[NewMessage]


def join_ips(source_ips: Iterable[str]) -> str:
    return ",".join(source_ips)


def split_ips(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _insert(tx: Tx, delivery_id: int, mx_group: str, source_ips: tuple[str, ...], size: int) -> int:
    result = tx.connection.execute(
        tables.part.insert()
        .values(
            delivery_id=delivery_id,
            mx_group=mx_group,
            source_ips=join_ips(source_ips),
            size=size,
            state=QUEUED,
            epoch=0,
        )
        .returning(tables.part.c.id)
    )
    return int(result.scalar_one())


def add(tx: Tx, delivery_id: int, parts: Sequence[NewPart], at: float) -> None:
    """Messages of a delivery in state ``editing``, cut into parts as they come."""
    rows: list[dict[str, Any]] = []
    for each in parts:
        part_id = _insert(tx, delivery_id, each.mx_group, each.source_ips, len(each.messages))
        rows.extend(
            {
                "delivery_id": delivery_id,
                "address": message.address,
                "domain": message.domain,
                "mx_group": each.mx_group,
                "fields": message.fields,
                "status": str(MessageStatus.PENDING),
                "attempts": 0,
                "part_id": part_id,
                "changed_at": at,
            }
            for message in each.messages
        )
    tx.dialect.bulk_insert(tx.connection, tables.message, rows)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due and in no part: a retry, or one whose part was undone."""

    message_id: int
    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]


def due(tx: Tx, now: float, limit: int) -> list[Due]:
    """Messages due and in no part, the longest due first."""
    message, domain = tables.message, tables.delivery_domain
    query = (
        select(message.c.id, message.c.delivery_id, domain.c.mx_group, domain.c.source_ips)
        .join(
            domain,
            (domain.c.delivery_id == message.c.delivery_id) & (domain.c.domain == message.c.domain),
        )
        .where(
            message.c.status == MessageStatus.PENDING,
            message.c.part_id.is_(None),
            message.c.next_attempt_at <= now,
        )
        .order_by(message.c.next_attempt_at, message.c.id)
        .limit(limit)
    )
    return [
        Due(row.id, row.delivery_id, row.mx_group, split_ips(row.source_ips))
        for row in tx.connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Cut:
    """A part to be made of messages that are due."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    message_ids: Sequence[int]


def cut(tx: Tx, cuts: Sequence[Cut]) -> None:
    """Make parts of messages that are due and in no part."""
    message = tables.message
    statement = (
        message.update()
        .where(
            message.c.id == bindparam("_id"),
            message.c.part_id.is_(None),
            message.c.status == MessageStatus.PENDING,
        )
        .values(part_id=bindparam("_part"), mx_group=bindparam("_group"))
    )
    pairs: list[dict[str, Any]] = []
    for each in cuts:
        part_id = _insert(
            tx, each.delivery_id, each.mx_group, each.source_ips, len(each.message_ids)
        )
        pairs.extend(
            {"_id": message_id, "_part": part_id, "_group": each.mx_group}
            for message_id in each.message_ids
        )
    if pairs:
        tx.connection.execute(statement, pairs)


@dataclass(frozen=True, slots=True)
class Queued:
    """A part that waits, with what its delivery says."""

    part_id: int
    delivery_id: int
    affinity: str
    priority: int
    mx_group: str
    source_ips: tuple[str, ...]
    size: int


def queued(tx: Tx, now: float, per_group: int) -> list[Queued]:
    """The first parts of each (delivery, MX group) that may be sent now, in queue order."""
    part, delivery = tables.part, tables.delivery
    place = (
        func.row_number()
        .over(partition_by=(part.c.delivery_id, part.c.mx_group), order_by=part.c.id)
        .label("place")
    )
    waiting = (
        select(
            part.c.id,
            part.c.delivery_id,
            part.c.mx_group,
            part.c.source_ips,
            part.c.size,
            delivery.c.affinity,
            delivery.c.priority,
            place,
        )
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .where(
            part.c.state == QUEUED,
            delivery.c.status.in_(deliveries.ACTIVE),
            delivery.c.contact_at <= now,
            delivery.c.expires_at > now,
        )
        .subquery()
    )
    query = select(waiting).where(waiting.c.place <= per_group).order_by(waiting.c.id)
    return [
        Queued(
            row.id,
            row.delivery_id,
            row.affinity,
            row.priority,
            row.mx_group,
            split_ips(row.source_ips),
            row.size,
        )
        for row in tx.connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Grant:
    """A part for a worker, by a source IP."""

    part_id: int
    delivery_id: int
    worker_id: int
    source_ip: str
    lane: str


def lease(tx: Tx, grants: Sequence[Grant], now: float, until: float) -> int:
    """Lend parts; returns how many were still there to lend."""
    if not grants:
        return 0
    part = tables.part
    statement = (
        part.update()
        .where(part.c.id == bindparam("_id"), part.c.state == QUEUED)
        .values(
            state=LEASED,
            epoch=part.c.epoch + 1,
            worker_id=bindparam("_worker"),
            source_ip=bindparam("_ip"),
            lane=bindparam("_lane"),
            leased_at=now,
            leased_until=until,
        )
    )
    lent = tx.connection.execute(
        statement,
        [
            {
                "_id": each.part_id,
                "_worker": each.worker_id,
                "_ip": each.source_ip,
                "_lane": each.lane,
            }
            for each in grants
        ],
    ).rowcount
    table = tables.delivery
    starting = select(table.c.id).where(
        table.c.id.in_({each.delivery_id for each in grants}),
        table.c.status == DeliveryStatus.START_PENDING,
    )
    for delivery_id in sorted(tx.connection.execute(starting).scalars()):
        deliveries.advance(tx, delivery_id, DeliveryEvent.STARTED, now)
    return int(lent)


@dataclass(frozen=True, slots=True)
class LeasedPart:
    """A part in a worker's hand; ``tat`` is the state of its lane's rate limiter, if any."""

    part_id: int
    epoch: int
    delivery_id: int
    affinity: str
    mx_group: str
    source_ip: str
    lane: str
    size: int
    leased_until: float
    expires_at: float
    tat: float | None


def leased_to(tx: Tx, worker_id: int) -> list[LeasedPart]:
    """All parts lent to a worker, in the order they were made."""
    part, delivery, lane = tables.part, tables.delivery, tables.lane
    query = (
        select(part, delivery.c.affinity, delivery.c.expires_at, lane.c.tat)
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .join(lane, lane.c.key == part.c.lane, isouter=True)
        .where(part.c.worker_id == worker_id)
        .order_by(part.c.leased_at, part.c.id)
    )
    return [
        LeasedPart(
            row.id,
            row.epoch,
            row.delivery_id,
            row.affinity,
            row.mx_group,
            row.source_ip,
            row.lane,
            row.size,
            row.leased_until,
            row.expires_at,
            row.tat,
        )
        for row in tx.connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class PartMessage:
    """A message to send. ``attempts`` were made before."""

    message_id: int
    address: str
    domain: str
    fields: str
    attempts: int


def messages_of(tx: Tx, part_ids: Sequence[int]) -> dict[int, list[PartMessage]]:
    """The pending messages of parts, in order."""
    table = tables.message
    query = (
        select(
            table.c.part_id,
            table.c.id,
            table.c.address,
            table.c.domain,
            table.c.fields,
            table.c.attempts,
        )
        .where(table.c.part_id.in_(list(part_ids)), table.c.status == MessageStatus.PENDING)
        .order_by(table.c.id)
    )
    found: dict[int, list[PartMessage]] = {part_id: [] for part_id in part_ids}
    for row in tx.connection.execute(query):
        found[row.part_id].append(
            PartMessage(row.id, row.address, row.domain, row.fields, row.attempts)
        )
    return found


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a worker reports in one go; parts are named by (part, epoch)."""

    outcomes: Sequence[transitions.Outcome] = ()
    finished: Sequence[tuple[int, int]] = ()
    released: Sequence[tuple[int, int]] = ()
    tats: Mapping[str, float] | None = None  # lane → state of its rate limiter


def settle(
    tx: Tx, author: transitions.Author, report: Settlement, at: float
) -> transitions.Recorded:
    """Write outcomes, close or give back parts, keep the limiters: one transaction.

    Limiters count only for lanes of which the author holds a part: a lost lease's are stale.
    """
    part = tables.part
    tats = _own(tx, author, report.tats or {})
    recorded = transitions.record(tx, author, report.outcomes)
    for part_id, epoch in (*report.finished, *report.released):
        mine = (
            part.c.id == part_id,
            part.c.epoch == epoch,
            part.c.worker_id == author.worker_id,
        )
        if not tx.connection.scalar(select(part.c.id).where(*mine).with_for_update()):
            continue
        _return(tx, part_id, at)
    tx.dialect.put(
        tx.connection,
        tables.lane,
        [{"key": key, "tat": tat} for key, tat in sorted(tats.items())],
    )
    return recorded


def _own(tx: Tx, author: transitions.Author, tats: Mapping[str, float]) -> dict[str, float]:
    """Those of lanes of which the author holds a part, locked until commit."""
    if not tats:
        return {}
    part = tables.part
    query = (
        select(part.c.lane)
        .where(part.c.worker_id == author.worker_id)
        .order_by(part.c.id)
        .with_for_update()
    )
    held = set(tx.connection.execute(query).scalars())
    return {lane: tat for lane, tat in tats.items() if lane in held}


def _return(tx: Tx, part_id: int, at: float) -> None:
    """Queue a part again for whatever of it is still pending; an empty one is gone.

    If the plan of its domains changed while it was lent, its messages are due to be cut anew.
    """
    part, message = tables.part, tables.message
    left = tx.connection.scalar(
        select(func.count())
        .select_from(message)
        .where(message.c.part_id == part_id, message.c.status == MessageStatus.PENDING)
    )
    if not left:
        tx.connection.execute(part.delete().where(part.c.id == part_id))
        return
    if _is_outdated(tx, part_id):
        tx.connection.execute(
            message.update()
            .where(message.c.part_id == part_id, message.c.status == MessageStatus.PENDING)
            .values(part_id=None, next_attempt_at=at)
        )
        tx.connection.execute(part.delete().where(part.c.id == part_id))
        return
    tx.connection.execute(
        part.update()
        .where(part.c.id == part_id)
        .values(
            state=QUEUED,
            size=left,
            worker_id=None,
            source_ip=None,
            lane=None,
            leased_at=None,
            leased_until=None,
        )
    )


def _is_outdated(tx: Tx, part_id: int) -> bool:
    part, message, domain = tables.part, tables.message, tables.delivery_domain
    query = (
        select(domain.c.domain)
        .join(
            message,
            (message.c.delivery_id == domain.c.delivery_id) & (message.c.domain == domain.c.domain),
        )
        .join(part, part.c.id == message.c.part_id)
        .where(
            part.c.id == part_id,
            (domain.c.mx_group != part.c.mx_group) | (domain.c.source_ips != part.c.source_ips),
        )
        .limit(1)
    )
    return tx.connection.execute(query).first() is not None


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as the scheduler watches it."""

    part_id: int
    epoch: int
    worker_id: int
    lane: str
    size: int
    leased_until: float


def leases(tx: Tx) -> list[Lease]:
    """All leases."""
    part = tables.part
    query = (
        select(
            part.c.id,
            part.c.epoch,
            part.c.worker_id,
            part.c.lane,
            part.c.size,
            part.c.leased_until,
        )
        .where(part.c.state == LEASED)
        .order_by(part.c.id)
    )
    return [
        Lease(row.id, row.epoch, row.worker_id, row.lane, row.size, row.leased_until)
        for row in tx.connection.execute(query)
    ]


def reclaim(tx: Tx, stale: Sequence[tuple[int, int]], tats: Mapping[str, float], at: float) -> int:
    """Take back leases (part, epoch) whose holder is gone; returns how many still stood.

    ``tats`` holds, for limited lanes, the limiter's state if the holder used all it was allowed.
    """
    part = tables.part
    taken = 0
    for part_id, epoch in stale:
        raised = tx.connection.execute(
            part.update()
            .where(part.c.id == part_id, part.c.epoch == epoch, part.c.state == LEASED)
            .values(epoch=epoch + 1)
        ).rowcount
        if raised:
            _return(tx, part_id, at)
            taken += 1
    lane = tables.lane
    for key, tat in sorted(tats.items()):
        stored = tx.connection.scalar(select(lane.c.tat).where(lane.c.key == key))
        tx.dialect.put(
            tx.connection,
            lane,
            [{"key": key, "tat": tat if stored is None else max(tat, stored)}],
        )
    return taken


def bury(
    tx: Tx,
    author: transitions.Author,
    outcomes: Sequence[transitions.Outcome],
    worst: Callable[[str, float], float | None],
    at: float,
) -> transitions.Recorded | None:
    """Clear up after a dead worker: write what its journal held, then take back all it had.

    ``worst(lane, leased_until)`` is the state of the lane's limiter if the worker used all that it
    was allowed, or None for a lane without one. Returns None when somebody was quicker.
    """
    worker, part = tables.worker, tables.part
    mine = (worker.c.id == author.worker_id, worker.c.state == modules.ALIVE)
    if tx.connection.scalar(select(worker.c.id).where(*mine).with_for_update()) is None:
        return None
    recorded = transitions.record(tx, author, outcomes)
    held = tx.connection.execute(
        select(part.c.id, part.c.epoch, part.c.lane, part.c.leased_until)
        .where(part.c.worker_id == author.worker_id)
        .order_by(part.c.id)
    ).all()
    tats: dict[str, float] = {}
    for row in held:
        tat = worst(row.lane, min(row.leased_until, at))
        if tat is not None:
            tats[row.lane] = max(tat, tats.get(row.lane, tat))
    reclaim(tx, [(row.id, row.epoch) for row in held], tats, at)
    modules.end_worker(tx, author.worker_id, modules.DEAD, at)
    audit.note(
        tx,
        at,
        f"worker {author.worker_id} of mta@{author.mta} is gone: {recorded.written} outcomes "
        f"replayed from its journal, {len(held)} parts taken back",
        level="warning",
    )
    return recorded
