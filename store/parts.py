"""Parts: the batches of messages that are handed to workers, and the queue they stand in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, func, select

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, tables
from store.engine import Tx
from store.errors import SubmissionGone
from world.crash import reach

QUEUED: Final = "queued"
HELD: Final = "held"  # its plan has no source IP or no route: nobody looks at it until that changes
LEASED: Final = "leased"

_ADDED: Final = (
    *("delivery_id", "address", "domain", "mx_group"),
    *("fields", "status", "attempts", "part_id", "changed_at"),
)


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


@dataclass(frozen=True, slots=True)
class Made:
    """A part that messages are about to name."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    size: int


def insert(tx: Tx, made: Sequence[Made]) -> list[int]:
    """Parts; returns their numbers, in the same order."""
    if not made:
        return []
    rows = [
        {
            "delivery_id": each.delivery_id,
            "mx_group": each.mx_group,
            "source_ips": join_ips(each.source_ips),
            "size": each.size,
            "state": QUEUED if each.source_ips else HELD,
            "epoch": 0,
        }
        for each in made
    ]
    statement = tables.part.insert().returning(tables.part.c.id, sort_by_parameter_order=True)
    return [int(each) for each in tx.connection.execute(statement, rows).scalars()]


def add(tx: Tx, delivery_id: int, parts: Sequence[NewPart], at: float) -> None:
    """Messages of a delivery in state ``editing``, cut into parts as they come.

    Raises:
        SubmissionGone: the delivery is not being submitted any more.
    """
    table = tables.delivery
    alive = tx.connection.execute(
        table.update()
        .where(table.c.id == delivery_id, table.c.status == DeliveryStatus.EDITING)
        .values(submitted_at=at)  # the last sign of life of its submission
    ).rowcount
    if not alive:
        raise SubmissionGone(delivery_id)
    rows: list[tuple[Any, ...]] = []
    pending = str(MessageStatus.PENDING)
    numbers = insert(
        tx,
        [Made(delivery_id, each.mx_group, each.source_ips, len(each.messages)) for each in parts],
    )
    for each, part_id in zip(parts, numbers, strict=True):
        rows.extend(
            (
                *(delivery_id, message.address, message.domain, each.mx_group),
                *(message.fields, pending, 0, part_id, at),
            )
            for message in each.messages
        )
    tx.dialect.bulk_insert(tx.connection, tables.message, _ADDED, rows)


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
    numbers = insert(
        tx,
        [
            Made(each.delivery_id, each.mx_group, each.source_ips, len(each.message_ids))
            for each in cuts
        ],
    )
    for each, part_id in zip(cuts, numbers, strict=True):
        pairs.extend(
            {"_id": message_id, "_part": part_id, "_group": each.mx_group}
            for message_id in each.message_ids
        )
    reach("scheduler.cutting")
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


def queued(tx: Tx, now: float, per_way: int) -> list[Queued]:
    """The first parts of each way that may be sent now, in queue order.

    A way is (delivery, MX group, source IPs): what waits for one never hides another.
    """
    part, delivery = tables.part, tables.delivery
    place = (
        func.row_number()
        .over(
            partition_by=(part.c.delivery_id, part.c.mx_group, part.c.source_ips),
            order_by=part.c.id,
        )
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
    query = select(waiting).where(waiting.c.place <= per_way).order_by(waiting.c.id)
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
