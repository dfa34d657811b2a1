"""Following a changed configuration: queued messages get their MX group and source IPs anew."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from mail.states import MessageStatus
from store import part_size, parts, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Planned:
    """What a delivery's mail to one domain is planned with."""

    delivery_id: int
    affinity: str
    domain: str
    mx_group: str
    source_ips: tuple[str, ...]


def planned(tx: Tx, *, newer_than: int = 0) -> list[Planned]:
    """The plans of all deliveries that are not over, or of those with a greater number."""
    delivery, domain = tables.delivery, tables.delivery_domain
    over = ("finished", "cancelled", "failed")
    query = (
        select(domain, delivery.c.affinity)
        .join(delivery, delivery.c.id == domain.c.delivery_id)
        .where(delivery.c.status.not_in(over), delivery.c.id > newer_than)
        .order_by(domain.c.delivery_id, domain.c.domain)
    )
    return [
        Planned(
            row.delivery_id,
            row.affinity,
            row.domain,
            row.mx_group,
            parts.split_ips(row.source_ips),
        )
        for row in tx.connection.execute(query)
    ]


def replan(tx: Tx, changed: Sequence[Planned], now: float) -> int:
    """Put new plans in force; returns how many queued messages they concern.

    Those messages leave their parts and are due at once (a retry keeps its time); parts in a
    worker's hand are left: the worker itself obeys the new configuration.
    """
    message, part, domain = tables.message, tables.part, tables.delivery_domain
    concerned = 0
    touched: set[int] = set()
    for each in changed:
        where = (domain.c.delivery_id == each.delivery_id, domain.c.domain == each.domain)
        tx.connection.execute(
            domain.update()
            .where(*where)
            .values(mx_group=each.mx_group, source_ips=parts.join_ips(each.source_ips))
        )
        mine = (
            message.c.delivery_id == each.delivery_id,
            message.c.domain == each.domain,
            message.c.status == MessageStatus.PENDING,
        )
        tx.connection.execute(
            message.update()
            .where(*mine, message.c.part_id.is_(None))
            .values(mx_group=each.mx_group)
        )
        queued = select(part.c.id).where(
            part.c.delivery_id == each.delivery_id, part.c.state == parts.QUEUED
        )
        concerned += tx.connection.execute(
            message.update()
            .where(*mine, message.c.part_id.in_(queued))
            .values(mx_group=each.mx_group, part_id=None, next_attempt_at=now)
        ).rowcount
        touched.add(each.delivery_id)
    for delivery_id in sorted(touched):
        part_size.recount(tx, delivery_id)
    return concerned
