"""Parts: the batches of messages that are handed to workers, and the queue they stand in."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Float,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
)

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, modules, part_size, tables
from store.dialects import Dialect
from store.engine import Tx
from store.errors import SubmissionGone
from store.ways import QUEUED as _QUEUED
from store.ways import first_parts, ways
from world.crash import reach

QUEUED: Final = _QUEUED
# Its plan has no source IP or no route, or its wave has not begun: nobody looks at it until then.
HELD: Final = "held"
LEASED: Final = "leased"
_NO_END: Final = 2**40  # messages
_CHUNK: Final = 900

_ADDED: Final = (
    *("delivery_id", "address", "domain", "mx_group"),
    *("fields", "status", "attempts", "part_id", "changed_at", "wave"),
)


class NewMessage(NamedTuple):
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
    wave: int | None = None
    is_held: bool = False  # until its wave begins


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
    wave: int | None = None
    is_held: bool = False


def insert(tx: Tx, made: Sequence[Made], at: float | None = None) -> list[int]:
    """Parts, queued at a time if it is known; returns their numbers, in the same order."""
    if not made:
        return []
    rows = [
        {
            "delivery_id": each.delivery_id,
            "mx_group": each.mx_group,
            "source_ips": join_ips(each.source_ips),
            "size": each.size,
            "state": QUEUED if each.source_ips and not each.is_held else HELD,
            "epoch": 0,
            "queued_at": at,
            "wave": each.wave,
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
        [
            Made(
                delivery_id,
                each.mx_group,
                each.source_ips,
                len(each.messages),
                each.wave,
                each.is_held,
            )
            for each in parts
        ],
        at,
    )
    for each, part_id in zip(parts, numbers, strict=True):
        rows.extend(
            (
                *(delivery_id, message.address, message.domain, each.mx_group),
                *(message.fields, pending, 0, part_id, at, each.wave),
            )
            for message in each.messages
        )
    tx.dialect.bulk_insert(tx.connection, tables.message, _ADDED, rows)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due and in no part: a retry, or one whose part was undone."""

    message_id: int
    delivery_id: int
    domain: str
    mx_group: str
    source_ips: tuple[str, ...]


def due(tx: Tx, now: float, limit: int) -> list[Due]:
    """Messages due and in no part, the longest due first."""
    return [
        Due(row.id, row.delivery_id, row.domain, row.mx_group, split_ips(row.source_ips))
        for row in tx.connection.execute(_DUE, {"now": now, "limit": limit})
    ]


def _due() -> Select[Any]:
    message, domain = tables.message, tables.delivery_domain
    return (
        select(
            *(message.c.id, message.c.delivery_id, message.c.domain),
            *(domain.c.mx_group, domain.c.source_ips),
        )
        .join(
            domain,
            (domain.c.delivery_id == message.c.delivery_id) & (domain.c.domain == message.c.domain),
        )
        .where(
            message.c.status == MessageStatus.PENDING,
            message.c.part_id.is_(None),
            message.c.next_attempt_at <= bindparam("now", type_=Float),
        )
        .order_by(message.c.next_attempt_at, message.c.id)
        .limit(bindparam("limit", type_=Integer))
    )


_DUE: Final = _due()


@dataclass(frozen=True, slots=True)
class Cut:
    """A part to be made of messages that are due."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    message_ids: Sequence[int]


def cut(
    tx: Tx,
    cuts: Sequence[Cut],
    domains: Mapping[int, str],
    at: float | None = None,
    leader: modules.Leader | None = None,
) -> None:
    """Make parts of messages that are due and in no part.

    A message whose plan is no longer that of its cut is left for the next one: who changed the plan
    saw no part that was to be undone.

    Args:
        tx: the transaction.
        cuts: which messages become which parts.
        domains: of each message that of its recipient.
        at: now, if it is known.
        leader: nothing is done if another scheduler has announced itself since.
    """
    if leader is not None and not modules.leads(tx, leader.process, leader.since):
        return
    message = tables.message
    statement = (
        message.update()
        .where(
            message.c.id == bindparam("_id"),
            message.c.part_id.is_(None),
            message.c.status == MessageStatus.PENDING,
        )
        .values(part_id=bindparam("_part"), mx_group=bindparam("_group"), next_attempt_at=None)
    )
    cuts = list(_by_plans_in_force(tx, cuts, domains))
    pairs: list[dict[str, Any]] = []
    numbers = insert(
        tx,
        [
            Made(each.delivery_id, each.mx_group, each.source_ips, len(each.message_ids))
            for each in cuts
        ],
        at,
    )
    for each, part_id in zip(cuts, numbers, strict=True):
        pairs.extend(
            {"_id": message_id, "_part": part_id, "_group": each.mx_group}
            for message_id in each.message_ids
        )
    reach("scheduler.cutting")
    if pairs and tx.connection.execute(statement, pairs).rowcount < len(pairs):
        # Some ended, or were cut, since they were found to be due.
        for each, part_id in zip(cuts, numbers, strict=True):
            part_size.recount(tx, each.delivery_id, [part_id])


def _by_plans_in_force(tx: Tx, cuts: Sequence[Cut], domains: Mapping[int, str]) -> Iterator[Cut]:
    """What is left of cuts by the plans as they are, which then stand until commit.

    Locked in the order in which ``replan`` writes them, and before any message is.
    """
    wanted: dict[int, set[str]] = {}
    for each in cuts:
        named = wanted.setdefault(each.delivery_id, set())
        named.update(domains[message_id] for message_id in each.message_ids)
    table = tables.delivery_domain
    plans: dict[tuple[int, str], tuple[str, str]] = {}
    for delivery_id, names in sorted(wanted.items()):
        ordered = sorted(names)
        for start in range(0, len(ordered), _CHUNK):
            query = (
                select(table.c.domain, table.c.mx_group, table.c.source_ips)
                .where(
                    table.c.delivery_id == delivery_id,
                    table.c.domain.in_(ordered[start : start + _CHUNK]),
                )
                .order_by(table.c.domain)
                .with_for_update(read=True)
            )
            for row in tx.connection.execute(query):
                plans[delivery_id, row.domain] = (row.mx_group, row.source_ips)
    for each in cuts:
        plan = each.mx_group, join_ips(each.source_ips)
        ids = [
            message_id
            for message_id in each.message_ids
            if plans.get((each.delivery_id, domains[message_id])) == plan
        ]
        if ids:
            yield Cut(each.delivery_id, each.mx_group, each.source_ips, ids)


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
    contact_at: float
    is_started: bool  # its delivery is in progress


def queued(
    tx: Tx, now: float, per_way: int, window: int | None = None, takers: Sequence[int] = ()
) -> list[Queued]:
    """The first parts of each way that may be sent now, in queue order.

    A way is (delivery, MX group, source IPs): what waits for one never hides another. Of each at
    most ``per_way`` parts; with a ``window``, as many as the workers ``takers`` have room for if
    each may hold so many messages on a lane, and one at least.
    """
    values = {
        "now": now,
        "per_way": per_way,
        "window": _NO_END if window is None else window,
        "takers": list(takers) or [0],
        "workers": max(1, len(takers)),
    }
    ips = functools.cache(split_ips)  # a handful, and thousands of parts
    kind = type(tx.dialect)
    looking = _LOOKING[kind] if kind in _LOOKING else _looking(tx.dialect)
    return [
        Queued(
            *(row[0], row[1], row[2], row[3], row[4], ips(row[5]), row[6], row[7]),
            row[8] == DeliveryStatus.IN_PROGRESS,
        )
        for row in tx.connection.execute(looking, values)
    ]


# By the kind of database: to put the statement together takes longer than to run it.
_LOOKING: Final[dict[type[Dialect], Select[Any]]] = {}


def _looking(dialect: Dialect) -> Select[Any]:
    """The statement of ``queued``, kept for the next time."""
    delivery, now = tables.delivery, bindparam("now", type_=Float)
    way = ways(
        dialect,
        and_(
            delivery.c.status.in_(deliveries.ACTIVE),
            delivery.c.contact_at <= now,
            delivery.c.expires_at > now,
        ),
    )
    part = first_parts(dialect, way, _room(way), bindparam("per_way", type_=Integer))
    _LOOKING[type(dialect)] = made = (
        select(
            *(part.c.id, part.c.delivery_id, delivery.c.affinity, delivery.c.priority),
            *(part.c.mx_group, part.c.source_ips, part.c.size),
            *(delivery.c.contact_at, delivery.c.status),
        )
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .order_by(part.c.id)
    )
    return made


def _room(way: CTE) -> Any:
    """Messages that the takers may be lent of a way's MX group, from its source IPs."""
    part, window = tables.part.alias(), bindparam("window", type_=BigInteger)
    held = (
        select(part.c.mx_group, part.c.source_ip, func.sum(part.c.size).label("messages"))
        .where(part.c.state == LEASED, part.c.worker_id.in_(bindparam("takers", expanding=True)))
        .group_by(part.c.mx_group, part.c.worker_id, part.c.lane, part.c.source_ip)
        .cte("held")
    )
    most = case((held.c.messages > window, window), else_=held.c.messages)
    text = way.c.source_ips
    taken = (
        select(func.coalesce(func.sum(most), 0))
        .where(
            held.c.mx_group == way.c.mx_group,
            # What is held on others, of another affinity, takes no room from this one.
            ("," + text + ",").like("%," + held.c.source_ip + ",%"),
        )
        .correlate(way)
        .scalar_subquery()
    )
    ips = func.length(text) - func.length(func.replace(text, ",", "")) + 1
    return ips * (window * bindparam("workers", type_=BigInteger)) - taken
