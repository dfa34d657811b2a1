"""Following a changed configuration: queued messages get their MX group and source IPs anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ScalarSelect, case, func, select

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, part_size, parts, tables
from store.engine import Tx
from world.crash import reach

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Planned:
    """What a delivery's mail to one domain is planned with."""

    delivery_id: int
    affinity: str
    domain: str
    mx_group: str
    source_ips: tuple[str, ...]


def standing(tx: Tx) -> list[tuple[int, int]]:
    """Deliveries that have plans and are not over, by number.

    With each, how many plans one that is open for more has by now (0 for all others): a plan that
    joins it may come from another version of the configuration.
    """
    delivery, domain = tables.delivery, tables.delivery_domain
    plans = (
        select(func.count())
        .select_from(domain)
        .where(domain.c.delivery_id == delivery.c.id)
        .scalar_subquery()
    )
    query = (
        select(
            delivery.c.id, case((delivery.c.open_until.is_(None), 0), else_=plans).label("plans")
        )
        .where(delivery.c.status.in_((*deliveries.ACTIVE, DeliveryStatus.PAUSED)))
        .order_by(delivery.c.id)
    )
    return [(row.id, row.plans) for row in tx.connection.execute(query)]


def planned(tx: Tx, delivery_id: int) -> list[Planned]:
    """The plans of a delivery, by domain."""
    delivery, domain = tables.delivery, tables.delivery_domain
    query = (
        select(domain, delivery.c.affinity)
        .join(delivery, delivery.c.id == domain.c.delivery_id)
        .where(delivery.c.id == delivery_id)
        .order_by(domain.c.domain)
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

    Those messages leave their parts and are due at once, or with their wave (a retry keeps its
    time); parts in a worker's hand are left: the worker itself obeys the new configuration.
    """
    message, part, domain = tables.message, tables.part, tables.delivery_domain
    concerned = 0
    touched: dict[int, set[int]] = {}
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
        held = (
            select(message.c.part_id)
            .join(part, part.c.id == message.c.part_id)
            .where(*mine, part.c.state != parts.LEASED)
            .distinct()
        )
        part_ids = sorted(tx.connection.execute(held).scalars())
        for start in range(0, len(part_ids), _CHUNK):
            concerned += tx.connection.execute(
                message.update()
                .where(*mine, message.c.part_id.in_(part_ids[start : start + _CHUNK]))
                .values(
                    mx_group=each.mx_group,
                    part_id=None,
                    next_attempt_at=func.coalesce(_wave_begins_at(), now),
                )
            ).rowcount
        touched.setdefault(each.delivery_id, set()).update(part_ids)
    reach("scheduler.replanning")
    for delivery_id, left in sorted(touched.items()):
        ids = sorted(left)
        for start in range(0, len(ids), _CHUNK):
            part_size.recount(tx, delivery_id, ids[start : start + _CHUNK])
    return concerned


def _wave_begins_at() -> ScalarSelect[float]:
    """When the wave of a message begins; NULL if it has begun, or there is none."""
    message, wave = tables.message, tables.wave
    query = select(wave.c.starts_at).where(
        wave.c.delivery_id == message.c.delivery_id,
        wave.c.wave == message.c.wave,
        wave.c.started_at.is_(None),
    )
    return query.correlate(message).scalar_subquery()
