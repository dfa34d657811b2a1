"""How long pending messages have been there: what of it cannot be told from their deliveries.

A campaign's messages arrive together, with its submission. Those that applications submit join an
open delivery one by one, each with a content that has the time of its arrival.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, literal, select

from mail.states import DeliveryStatus, MessageStatus
from store import deliveries, tables
from store.engine import Tx

WAITING = (
    *(DeliveryStatus.EDITING, DeliveryStatus.READY, DeliveryStatus.PAUSED),
    *deliveries.ACTIVE,
)  # whose pending messages wait for something
_UNCOUNTED = (DeliveryStatus.EDITING,)  # its counters begin when it is confirmed


@dataclass(frozen=True, slots=True)
class Origin:
    """Where messages come from: what a delivery says of all of them."""

    delivery_id: int
    label: str
    affinity: str
    submitted_at: float
    contact_at: float
    is_open: bool  # messages arrived one by one


@dataclass(frozen=True, slots=True)
class Aged:
    """Pending messages of an open delivery that arrived in the same span of time."""

    delivery_id: int
    domain: str
    mx_group: str
    is_retrying: bool  # the next attempt lies ahead
    span: int  # how many of the times asked for lie at or after their arrival
    messages: int


@dataclass(frozen=True, slots=True, order=True)
class Pending:
    """Pending messages of one delivery to one domain."""

    delivery_id: int
    domain: str
    messages: int


def origins(tx: Tx) -> dict[int, Origin]:
    """The deliveries whose messages may wait."""
    delivery = tables.delivery
    return {each.delivery_id: each for each in found(tx, delivery.c.status.in_(WAITING))}


def found(tx: Tx, *conditions: ColumnElement[bool]) -> list[Origin]:
    """Deliveries for which these hold."""
    delivery = tables.delivery
    query = select(
        delivery.c.id,
        delivery.c.label,
        delivery.c.affinity,
        delivery.c.submitted_at,
        delivery.c.contact_at,
        delivery.c.open_until.is_not(None).label("is_open"),
    ).where(*conditions)
    return [Origin(*row) for row in tx.connection.execute(query.order_by(delivery.c.id))]


def by_domain(tx: Tx) -> list[Pending]:
    """Pending messages of deliveries that are not open, by delivery and domain.

    By counters; those of a delivery that is not confirmed yet, which have none, are counted.
    """
    delivery, plan, over = tables.delivery, tables.delivery_domain, tables.rollup_domain
    gone = (
        select(func.sum(over.c.messages))
        .where(over.c.delivery_id == plan.c.delivery_id, over.c.domain == plan.c.domain)
        .correlate(plan)
        .scalar_subquery()
    )
    columns = plan.c.delivery_id, plan.c.domain
    is_counted = delivery.c.status.in_([each for each in WAITING if each not in _UNCOUNTED])
    query = (
        select(*columns, (plan.c.messages - func.coalesce(gone, 0)).label("messages"))
        .join(delivery, delivery.c.id == plan.c.delivery_id)
        .where(is_counted, delivery.c.open_until.is_(None))
    )
    found = [Pending(row[0], row[1], int(row[2])) for row in tx.connection.execute(query)]
    found += _uncounted(tx)
    return sorted(each for each in found if each.messages)


def _uncounted(tx: Tx) -> list[Pending]:
    message, delivery = tables.message, tables.delivery
    those = select(delivery.c.id).where(
        delivery.c.status.in_(_UNCOUNTED), delivery.c.open_until.is_(None)
    )
    ids = list(tx.connection.execute(those).scalars())
    columns = (message.c.delivery_id, message.c.domain)
    query = (
        select(*columns, func.count())
        .where(message.c.status == MessageStatus.PENDING, message.c.delivery_id.in_(ids))
        .group_by(*columns)
    )
    return [Pending(*row) for row in tx.connection.execute(query)] if ids else []


def of_open(tx: Tx, now: float, times: Sequence[float]) -> list[Aged]:
    """Pending messages of open deliveries by the span between ``times`` in which they arrived."""
    message, delivery = tables.message, tables.delivery
    open_ones = select(delivery.c.id).where(
        delivery.c.status.in_(WAITING), delivery.c.open_until.is_not(None)
    )
    each = (
        select(
            message.c.delivery_id,
            message.c.domain,
            message.c.mx_group,
            (func.coalesce(message.c.next_attempt_at, now) > now).label("is_retrying"),
            span(arrival(), times).label("span"),
        )
        .where(
            message.c.status == MessageStatus.PENDING,
            message.c.delivery_id.in_(list(tx.connection.execute(open_ones).scalars())),
        )
        .subquery()
    )
    query = select(*each.c, func.count().label("messages")).group_by(*each.c).order_by(*each.c)
    return [
        Aged(row.delivery_id, row.domain, row.mx_group, bool(row.is_retrying), row.span, row[5])
        for row in tx.connection.execute(query)
    ]


def arrival() -> ColumnElement[float]:
    """When a message of an open delivery arrived; else when its delivery was opened."""
    message, content, delivery = tables.message, tables.content, tables.delivery
    stored = select(content.c.stored_at).where(content.c.id == message.c.content_id)
    opened = select(delivery.c.submitted_at).where(delivery.c.id == message.c.delivery_id)
    found: ColumnElement[float] = func.coalesce(
        *(each.correlate(message).scalar_subquery() for each in (stored, opened))
    )
    return found


def span(arrival: ColumnElement[float], times: Sequence[float]) -> ColumnElement[int]:
    """How many of the times, the latest first, lie at or after an arrival."""
    if not times:
        return literal(0)
    ordered = sorted(times)
    return case(
        *((arrival <= time, len(ordered) - place) for place, time in enumerate(ordered)), else_=0
    )
