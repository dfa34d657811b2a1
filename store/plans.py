"""What queued mail is planned with, and how much of it still waits. Read only."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import ColumnElement, func, literal_column, select

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, parts, tables
from store.engine import Tx
from store.replan import Planned

_CHUNK: Final = 900
# As the index has it: PostgreSQL then always sees that the index serves.
_PENDING: Final[ColumnElement[str]] = literal_column(f"'{MessageStatus.PENDING}'")
_STANDING = (*deliveries.ACTIVE, DeliveryStatus.PAUSED)


def every(tx: Tx) -> list[Planned]:
    """The plans of all deliveries that are not over, by delivery and domain."""
    delivery, domain = tables.delivery, tables.delivery_domain
    query = (
        select(domain, delivery.c.affinity)
        .join(delivery, delivery.c.id == domain.c.delivery_id)
        .where(delivery.c.status.in_(_STANDING))
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


def pending(tx: Tx) -> dict[int, int]:
    """Pending messages of each delivery that is not over, by the counters."""
    delivery, counts = tables.delivery, tables.rollup_status
    query = (
        select(counts.c.delivery_id, func.sum(counts.c.messages).label("messages"))
        .join(delivery, delivery.c.id == counts.c.delivery_id)
        .where(delivery.c.status.in_(_STANDING), counts.c.status == MessageStatus.PENDING)
        .group_by(counts.c.delivery_id)
        .order_by(counts.c.delivery_id)
    )
    return {row.delivery_id: int(row.messages) for row in tx.connection.execute(query)}


def pending_by_domain(tx: Tx, wanted: Mapping[int, Collection[str]]) -> dict[tuple[int, str], int]:
    """Pending messages of some domains of deliveries.

    Of a delivery of which nothing has an outcome yet the counters tell; of others the index of what
    is pending is counted, for these domains alone.
    """
    untouched = _untouched(tx, wanted)
    found: dict[tuple[int, str], int] = {}
    for delivery_id, domains in sorted(wanted.items()):
        ordered = sorted(domains)
        for start in range(0, len(ordered), _CHUNK):
            chunk = ordered[start : start + _CHUNK]
            counted = _submitted if delivery_id in untouched else _waiting
            found |= {(delivery_id, each): 0 for each in chunk}
            found |= {(delivery_id, name): n for name, n in counted(tx, delivery_id, chunk).items()}
    return found


def _untouched(tx: Tx, delivery_ids: Collection[int]) -> set[int]:
    """Those of which every message is pending."""
    delivery = tables.delivery
    now = pending(tx)
    query = select(delivery.c.id, delivery.c.messages).where(delivery.c.status.in_(_STANDING))
    return {
        row.id
        for row in tx.connection.execute(query)
        if row.id in delivery_ids and now.get(row.id) == row.messages
    }


def _submitted(tx: Tx, delivery_id: int, domains: Collection[str]) -> dict[str, int]:
    table = tables.delivery_domain
    query = select(table.c.domain, table.c.messages).where(
        table.c.delivery_id == delivery_id, table.c.domain.in_(domains)
    )
    return {row.domain: row.messages for row in tx.connection.execute(query)}


def _waiting(tx: Tx, delivery_id: int, domains: Collection[str]) -> dict[str, int]:
    message = tables.message
    query = (
        select(message.c.domain, func.count().label("messages"))
        .where(
            message.c.delivery_id == delivery_id,
            message.c.domain.in_(domains),
            message.c.status == _PENDING,
        )
        .group_by(message.c.domain)
    )
    return {row.domain: row.messages for row in tx.connection.execute(query)}
