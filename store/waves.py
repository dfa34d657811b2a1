"""Deliveries that are sent in waves: what belongs to a later one is held until it begins.

A message gets its wave when it is submitted, and so does its part. The parts of a wave that has not
begun are held like those that have no way to go: they cost the scheduler nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Float, Row, Select, bindparam, func, select

from affinity.waves import Wave
from mail.notation import said_duration
from mail.states import DeliveryStatus, MessageStatus
from store import audit, deliveries, exclusion, tables
from store.engine import Tx
from store.errors import CannotNow, UnknownWave
from store.parts import HELD, QUEUED

_SENT_FROM = (*deliveries.ACTIVE, DeliveryStatus.PAUSED)


@dataclass(frozen=True, slots=True)
class StoredWave:
    """A wave of a delivery, counted from 1; times in epoch seconds."""

    delivery_id: int
    wave: int
    starts_at: float  # as planned
    messages: int  # as submitted
    started_at: float | None  # None: it has not begun


def create(tx: Tx, delivery_id: int, waves: Sequence[Wave], contact_at: float) -> None:
    """The waves of a delivery that is being submitted; one without delay has begun."""
    rows = [
        {
            "delivery_id": delivery_id,
            "wave": number,
            "delay_s": each.delay_s,
            "starts_at": contact_at + each.delay_s,
            "messages": each.messages,
            "started_at": None if each.delay_s else contact_at,
        }
        for number, each in enumerate(waves, 1)
    ]
    tx.connection.execute(tables.wave.insert(), rows)


def of(tx: Tx, delivery_id: int) -> list[StoredWave]:
    """The waves of a delivery; none if it goes in one.

    Raises:
        UnknownDelivery: there is none of that number.
    """
    deliveries.get(tx, delivery_id)
    wave = tables.wave
    query = select(wave).where(wave.c.delivery_id == delivery_id).order_by(wave.c.wave)
    return [_stored(row) for row in tx.connection.execute(query)]


def is_any_due(tx: Tx, now: float) -> bool:
    """Whether ``begin_due`` would begin any."""
    return bool(tx.connection.scalar(_IS_ANY_DUE, {"now": now}))


def begin_due(tx: Tx, now: float) -> int:
    """Begin the waves whose time has come; returns how many."""
    found = [_stored(row) for row in tx.connection.execute(_DUE, {"now": now})]
    for each in sorted(found, key=lambda each: (each.delivery_id, each.wave)):
        _begin(tx, each, now, "")
    return len(found)


def _due() -> Select[Any]:
    """Those at a time ``now``."""
    wave, delivery = tables.wave, tables.delivery
    return (
        select(wave)
        .join(delivery, delivery.c.id == wave.c.delivery_id)
        .where(
            delivery.c.status.in_(_SENT_FROM),
            wave.c.started_at.is_(None),
            wave.c.starts_at <= bindparam("now", type_=Float),
        )
    )


_DUE: Final = _due()
_IS_ANY_DUE: Final = select(_DUE.exists())  # asked for several times a second


def begin(tx: Tx, delivery_id: int, number: int, by: str, now: float) -> StoredWave:
    """Begin a wave before its time. The others keep theirs, and the contact date holds.

    Raises:
        UnknownDelivery: there is none of that number.
        UnknownWave: the delivery has no such wave.
        CannotNow: it has begun, or its delivery is not confirmed or over.
    """
    found = {each.wave: each for each in of(tx, delivery_id)}
    if number not in found:
        raise UnknownWave(delivery_id, number, len(found))
    status = deliveries.get(tx, delivery_id).status
    if status not in _SENT_FROM:
        raise CannotNow(
            f"delivery {delivery_id} is {status}: no wave of it can be started",
            remedy=f"`mtalab confirm {delivery_id}` first."
            if status is DeliveryStatus.READY
            else "`mtalab deliveries` shows what each is doing.",
        )
    if found[number].started_at is not None:
        raise CannotNow(
            f"wave {number} of delivery {delivery_id} has begun already",
            remedy=f"`mtalab wave list {delivery_id}` shows all.",
        )
    _begin(
        tx, found[number], now, f" by {by}, {said_duration(found[number].starts_at - now)} early"
    )
    return next(each for each in of(tx, delivery_id) if each.wave == number)


def _begin(tx: Tx, found: StoredWave, now: float, how: str) -> None:
    part, message, wave = tables.part, tables.message, tables.wave
    exclusion.exclude_denylisted(tx, found.delivery_id, now, found.wave)
    tx.connection.execute(
        part.update()
        .where(
            part.c.state == HELD,
            part.c.delivery_id == found.delivery_id,
            part.c.source_ips != "",
            part.c.wave == found.wave,
        )
        .values(state=QUEUED)
    )
    # Those whose plan has changed meanwhile are in no part, and wait for the planned time.
    tx.connection.execute(
        message.update()
        .where(
            message.c.delivery_id == found.delivery_id,
            message.c.next_attempt_at > now,
            message.c.wave == found.wave,
            message.c.status == MessageStatus.PENDING,
            message.c.attempts == 0,
        )
        .values(next_attempt_at=now)
    )
    tx.connection.execute(
        wave.update()
        .where(wave.c.delivery_id == found.delivery_id, wave.c.wave == found.wave)
        .values(started_at=now)
    )
    text = f"wave {found.wave} of {found.messages} messages was started{how}"
    audit.note(tx, now, text, delivery_id=found.delivery_id)


def plan_from(tx: Tx, delivery_id: int, at: float) -> None:
    """Its waves count from when it is confirmed, if that is after its contact date.

    Raises:
        CannotNow: the last would then begin when its validity is over.
    """
    waves, wave = of(tx, delivery_id), tables.wave
    if not waves:
        return
    delivery = deliveries.get(tx, delivery_id)
    begins_at = max(at, delivery.contact_at)
    mine = (wave.c.delivery_id == delivery_id, wave.c.started_at.is_(None))
    tx.connection.execute(wave.update().where(*mine).values(starts_at=begins_at + wave.c.delay_s))
    last_at = tx.connection.scalar(select(func.max(wave.c.starts_at)).where(*mine))
    if last_at is not None and last_at >= delivery.expires_at:
        raise CannotNow(
            f"delivery {delivery_id} is confirmed so late that its last wave would begin "
            f"{said_duration(last_at - delivery.expires_at)} after its validity is over",
            remedy=f"`mtalab cancel {delivery_id}`, and submit it again.",
        )


@dataclass(frozen=True, slots=True)
class Ahead:
    """Messages of a wave that has not begun, to one MX group."""

    delivery_id: int
    wave: int
    starts_at: float
    mx_group: str
    messages: int


def ahead(tx: Tx) -> list[Ahead]:
    """What waits for its wave, by delivery, wave and MX group."""
    wave, part, delivery = tables.wave, tables.part, tables.delivery
    query = (
        select(wave, part.c.mx_group, func.sum(part.c.size).label("held"))
        .join(delivery, delivery.c.id == wave.c.delivery_id)
        .join(
            part,
            (part.c.delivery_id == wave.c.delivery_id)
            & (part.c.state == HELD)
            & (part.c.wave == wave.c.wave),
        )
        .where(delivery.c.status.in_(deliveries.UNFINISHED), wave.c.started_at.is_(None))
        .group_by(*wave.c, part.c.mx_group)
        .order_by(wave.c.delivery_id, wave.c.wave, part.c.mx_group)
    )
    return [
        Ahead(row.delivery_id, row.wave, row.starts_at, row.mx_group, int(row.held))
        for row in tx.connection.execute(query)
    ]


def wave_of(tx: Tx, message_id: int) -> StoredWave | None:
    """The wave of a message; None if its delivery goes in one."""
    wave, message = tables.wave, tables.message
    query = (
        select(wave)
        .join(
            message,
            (message.c.delivery_id == wave.c.delivery_id) & (message.c.wave == wave.c.wave),
        )
        .where(message.c.id == message_id)
    )
    row = tx.connection.execute(query).one_or_none()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredWave:
    return StoredWave(row.delivery_id, row.wave, row.starts_at, row.messages, row.started_at)
