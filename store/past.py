"""What was pending at a time that is over: from the transitions that were written until then.

Every message of a delivery that was not over at that time is asked for its last transition until
then, up to 1.5 seconds for a million on SQLite; but for those that are over and did not change
since, and those of deliveries of which nothing was ever tried. What is known of a message's way is
what the log says; its MX group is the one that it has now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from mail.reason import Reason
from mail.states import DeliveryStatus, MessageEvent, MessageStatus
from store import ages, tables
from store.engine import Tx

_CHUNK: Final = 900  # below the number of variables that every SQLite build allows (999)


@dataclass(frozen=True, slots=True)
class WasPending:
    """Messages of one delivery that were pending, alike in what is known of them.

    ``span`` counts the times asked for that lie at or after their arrival, for open deliveries.
    """

    delivery_id: int
    domain: str
    mx_group: str
    is_retrying: bool  # its next attempt lay ahead
    deferral: Reason | None  # of the last attempt, if there was one
    span: int
    messages: int


def origins(tx: Tx, at: float) -> dict[int, ages.Origin]:
    """The deliveries whose messages may have been waiting."""
    found = ages.found(tx, _was_under_way(at))
    return {each.delivery_id: each for each in found}


def pending(
    tx: Tx, at: float, origins: Sequence[ages.Origin], times: Sequence[float]
) -> list[WasPending]:
    """What was pending of these deliveries; ``times`` as of ``store.ages.of_open``."""
    closed = [each.delivery_id for each in origins if not each.is_open]
    untouched = _untouched(tx, closed)
    found = _planned(tx, sorted(untouched))
    for is_open in (False, True):
        ids = [
            each.delivery_id
            for each in origins
            if each.is_open == is_open and each.delivery_id not in untouched
        ]
        for start in range(0, len(ids), _CHUNK):
            found += _read(tx, at, ids[start : start + _CHUNK], times if is_open else None)
    return found


def _untouched(tx: Tx, delivery_ids: Sequence[int]) -> set[int]:
    """Those of which every message is pending, and no message ever was anything else."""
    delivery, counts, found = tables.delivery, tables.rollup_status, set[int]()
    pending = (
        select(func.sum(counts.c.messages))
        .where(counts.c.delivery_id == delivery.c.id, counts.c.status == MessageStatus.PENDING)
        .correlate(delivery)
        .scalar_subquery()
    )
    for start in range(0, len(delivery_ids), _CHUNK):
        query = select(delivery.c.id).where(
            delivery.c.id.in_(delivery_ids[start : start + _CHUNK]),
            delivery.c.started_at.is_(None),
            delivery.c.finished_at.is_(None),
            delivery.c.messages == pending,
        )
        found.update(tx.connection.execute(query).scalars())
    return found


def _planned(tx: Tx, delivery_ids: Sequence[int]) -> list[WasPending]:
    """All messages of these deliveries, as they were submitted."""
    table, found = tables.delivery_domain, list[WasPending]()
    for start in range(0, len(delivery_ids), _CHUNK):
        chunk = table.c.delivery_id.in_(delivery_ids[start : start + _CHUNK])
        query = select(table).where(chunk).order_by(table.c.delivery_id, table.c.domain)
        found += [
            WasPending(
                row.delivery_id,
                row.domain,
                row.mx_group,
                is_retrying=False,
                deferral=None,
                span=0,
                messages=row.messages,
            )
            for row in tx.connection.execute(query)
        ]
    return found


def _was_under_way(at: float) -> ColumnElement[bool]:
    delivery = tables.delivery
    is_waiting = delivery.c.status.in_(ages.WAITING)
    return and_(
        delivery.c.submitted_at <= at,
        # One that was finished and is retried keeps the time of its end.
        or_(is_waiting, delivery.c.finished_at > at),
        delivery.c.status != DeliveryStatus.FAILED,
    )


def _read(
    tx: Tx,
    at: float,
    delivery_ids: Sequence[int],
    times: Sequence[float] | None,
) -> list[WasPending]:
    """Of open deliveries with ``times``, and only what had arrived then."""
    message, change, earlier = tables.message, tables.transition, tables.transition.alias()
    newest = (
        select(func.max(earlier.c.id))
        .where(earlier.c.message_id == message.c.id, earlier.c.at <= at)
        .correlate(message)
        .scalar_subquery()
    )
    each: Select[Any] = (
        select(
            message.c.delivery_id,
            message.c.domain,
            message.c.mx_group,
            change.c.event,
            change.c.reason,
            (change.c.next_attempt_at > at).label("is_ahead"),
            ages.span(ages.arrival(), times or ()).label("span"),
        )
        .select_from(message)
        .join(change, change.c.id == newest, isouter=True)
        .where(
            message.c.delivery_id.in_(list(delivery_ids)),
            # What was pending and is not has changed since.
            or_(message.c.status == MessageStatus.PENDING, message.c.changed_at > at),
            or_(change.c.id.is_(None), change.c.to_status == MessageStatus.PENDING),
        )
    )
    if times is not None:
        each = each.where(ages.arrival() <= at)
    rows = each.subquery()
    query = select(*rows.c, func.count().label("messages")).group_by(*rows.c).order_by(*rows.c)
    return [_was_pending(row) for row in tx.connection.execute(query)]


def _was_pending(row: Any) -> WasPending:
    is_deferred = row.event == MessageEvent.DEFERRED
    return WasPending(
        row.delivery_id,
        row.domain,
        row.mx_group,
        is_deferred and bool(row.is_ahead),
        Reason(row.reason) if is_deferred and row.reason is not None else None,
        row.span,
        row.messages,
    )
