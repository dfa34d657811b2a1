"""Following a changed configuration: queued messages get their MX group and source IPs anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ScalarSelect, Select, and_, case, func, or_, select

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, modules, part_size, parts, tables
from store.engine import Tx
from world.crash import reach

_CHUNK: Final = 900
_UNDO_MAX: Final = 64  # parts of one transaction


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
    return [(row.id, row.plans) for row in tx.connection.execute(_STANDING)]


def _standing() -> Select[Any]:
    delivery, domain = tables.delivery, tables.delivery_domain
    plans = (
        select(func.count())
        .select_from(domain)
        .where(domain.c.delivery_id == delivery.c.id)
        .scalar_subquery()
    )
    return (
        select(
            delivery.c.id, case((delivery.c.open_until.is_(None), 0), else_=plans).label("plans")
        )
        .where(delivery.c.status.in_((*deliveries.ACTIVE, DeliveryStatus.PAUSED)))
        .order_by(delivery.c.id)
    )


_STANDING: Final = _standing()  # asked for several times a second


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


def replan(
    tx: Tx, changed: Sequence[Planned], now: float, leader: modules.Leader | None = None
) -> int:
    """Put new plans in force; returns how many queued messages they concern.

    Those messages leave their parts and are due at once, or with their wave (a retry keeps its
    time); parts in a worker's hand are left: the worker itself obeys the new configuration.
    With ``leader`` nothing is done if another scheduler has announced itself since: it may go by
    another configuration.
    """
    if leader is not None and not modules.leads(tx, leader.process, leader.since):
        return 0
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


def astray(tx: Tx, delivery_id: int) -> list[tuple[str, str]]:
    """Ways (MX group, source IPs) of queued parts of a delivery that none of its plans has."""
    part, domain = tables.part, tables.delivery_domain
    queued = (
        select(part.c.mx_group, part.c.source_ips)
        .where(part.c.state.in_((parts.QUEUED, parts.HELD)), part.c.delivery_id == delivery_id)
        .distinct()
    )
    planned = (
        select(domain.c.mx_group, domain.c.source_ips)
        .where(domain.c.delivery_id == delivery_id)
        .distinct()
    )
    ways = {tuple(row) for row in tx.connection.execute(queued)}
    return sorted(ways - {tuple(row) for row in tx.connection.execute(planned)})


class Undone(NamedTuple):
    """Parts that are gone, and the messages that were in them."""

    parts: int
    messages: int


def undo(
    tx: Tx,
    delivery_id: int,
    ways: Sequence[tuple[str, str]],
    now: float,
    leader: modules.Leader | None = None,
) -> Undone:
    """Undo some queued parts of these ways; their messages are due, to be cut by their plans.

    Call again until no part is left. ``leader`` as for ``replan``.
    """
    if leader is not None and not modules.leads(tx, leader.process, leader.since):
        return Undone(0, 0)
    part, message = tables.part, tables.message
    is_astray = or_(*(and_(part.c.mx_group == g, part.c.source_ips == ips) for g, ips in ways))
    query = (
        select(part.c.id)
        .where(
            part.c.state.in_((parts.QUEUED, parts.HELD)),
            part.c.delivery_id == delivery_id,
            is_astray,
        )
        .order_by(part.c.id)
        .limit(_UNDO_MAX)
        .with_for_update()
    )
    found = list(tx.connection.execute(query).scalars())
    if not found:
        return Undone(0, 0)
    moved = tx.connection.execute(
        message.update()
        .where(message.c.part_id.in_(found), message.c.status == MessageStatus.PENDING)
        .values(part_id=None, next_attempt_at=func.coalesce(_wave_begins_at(), now))
    ).rowcount
    tx.connection.execute(part.delete().where(part.c.id.in_(found)))
    return Undone(len(found), moved)
