"""What is pending by the plans of its domains, and by domain; for the diagnosis."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, func, select

from mail.cause import Cause
from mail.states import MessageStatus
from store import parts, tables
from store.engine import Tx

_CHUNK: Final = 900


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
