"""When the passing of time alone next changes what anybody does who works on this store.

For a simulation, which leaves out the time until then. Too early costs one look in vain; too late
would skip what a real lab does, so whatever is in doubt is answered early. Read only.
"""

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, ScalarSelect, Select, bindparam, func, select

from affinity.breaker import first_minute
from affinity.gcra import BUDGET_AHEAD_S
from affinity.rate import Rate
from affinity.warmup import begin_of, day_of
from mail.states import DeliveryStatus
from store import breaker, deliveries, modules, parts, tables
from store.engine import Tx

_JUST_AFTER_S: Final = 2**-20  # floats of this century resolve a quarter of it
_NOW: Final = bindparam("now", type_=Float)


def _first(column: Any, *where: ColumnElement[bool], after_s: float = 0.0) -> ScalarSelect[Any]:
    """The least of a column of which so many seconds later is still ahead."""
    return select(func.min(column)).where(*where, column > _NOW - after_s).scalar_subquery()


def _soonest() -> Select[Any]:
    """One look for all that is to be found by a column: to ask for each takes much longer."""
    message, delivery, wave = tables.message, tables.delivery, tables.wave
    is_unfinished = delivery.c.status.in_(deliveries.UNFINISHED)
    return select(
        _first(message.c.next_attempt_at).label("retry"),
        _first(delivery.c.contact_at, is_unfinished).label("contact"),
        _first(delivery.c.expires_at, is_unfinished).label("expiry"),
        _first(
            wave.c.starts_at,
            wave.c.started_at.is_(None),
            wave.c.delivery_id.in_(select(delivery.c.id).where(is_unfinished)),
        ).label("wave"),
        _first(tables.lane.c.suspended_until).label("resumption"),
        _first(
            delivery.c.open_until, is_unfinished, after_s=deliveries.OPEN_GRACE_S + _JUST_AFTER_S
        ).label("open_until"),
        _first(
            delivery.c.submitted_at,
            delivery.c.status == DeliveryStatus.EDITING,
            after_s=deliveries.ABANDONED_AFTER_S + _JUST_AFTER_S,
        ).label("submitted_at"),
        select(tables.part.c.id)
        .where(tables.part.c.state == parts.QUEUED)
        .exists()
        .label("queued"),
    )


_SOONEST: Final = _soonest()
_LANES: Final = select(tables.lane.c.key, tables.lane.c.tat).where(
    tables.lane.c.tat > _NOW - BUDGET_AHEAD_S
)
_HELD: Final = (
    select(tables.part.c.worker_id, tables.part.c.leased_until)
    .where(tables.part.c.state == parts.LEASED)
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Known:
    """What whoever asks knows beside the store; what is left out makes the answer earlier.

    ``grain_s`` is how closely those are followed who have clocks of their own that nobody can read
    here: workers with messages in hand, and whoever listens for a silent worker.
    """

    rate_of: Callable[[str], Rate | None] | None = None  # lane key → its rate limiter
    beating: Collection[int] = ()  # workers that live, although their heartbeats are left out
    is_watched: bool = True  # a scheduler or an instance is up, which buries silent workers
    grain_s: float = 0.05
    has_quotas: bool = True  # some source IP is being warmed up
    has_breaker: bool = True  # lanes may be shut for what was tried within the hour


def next_due(tx: Tx, now: float, lease_s: float, known: Known | None = None) -> float | None:
    """The earliest time after ``now`` at which a look could find what it does not find now.

    Given that nobody commits anything. None: without that nothing will ever change.
    """
    times = _times(tx, now, lease_s, known or Known())
    return min((each for each in times if now < each < math.inf), default=None)


def _times(tx: Tx, now: float, lease_s: float, known: Known) -> Iterator[float]:
    yield from _of_columns(tx, now, known)
    yield from _of_workers(tx, now, lease_s, known)
    if known.has_breaker:
        yield from _of_breaker(tx, now)


def _around(time: float) -> Iterator[float]:
    """A sum may be rounded to before the moment that it means, and some moments count after it."""
    yield time
    yield time + _JUST_AFTER_S


def _of_columns(tx: Tx, now: float, known: Known) -> Iterator[float]:
    row = tx.connection.execute(_SOONEST, {"now": now}).one()
    for time in (row.retry, row.contact, row.expiry, row.wave, row.resumption):
        if time is not None:
            yield float(time)
    for time, after_s in (
        (row.open_until, deliveries.OPEN_GRACE_S),
        (row.submitted_at, deliveries.ABANDONED_AFTER_S),
    ):
        if time is not None:
            yield from _around(time + after_s)
    if row.queued:
        yield from _of_lanes(tx, now, known)


def _of_lanes(tx: Tx, now: float, known: Known) -> Iterator[float]:
    """What is queued may go when a limiter lets it, or when a day's quota begins."""
    if known.has_quotas:
        yield begin_of(day_of(now) + 1)
    # A lane on which anybody holds anything is followed as that worker is.
    for row in tx.connection.execute(_LANES, {"now": now}):
        if known.rate_of is None:
            yield now + known.grain_s
            return
        rate = known.rate_of(row.key)
        if rate is not None:
            next_at = rate.earliest(row.tat)
            yield from _around(next_at - BUDGET_AHEAD_S)
            yield from _around(next_at)


def _of_workers(tx: Tx, now: float, lease_s: float, known: Known) -> Iterator[float]:
    """The ends of leases, and of the patience with workers that were not heard."""
    live = {each.id: each.heartbeat_at for each in modules.live_workers(tx)}
    silent = {number: at for number, at in live.items() if number not in known.beating}
    for heartbeat_at in silent.values():
        yield from _around(heartbeat_at + lease_s / 2)
        yield from _around(heartbeat_at + lease_s)
        if known.is_watched and heartbeat_at + lease_s <= now:
            yield now + known.grain_s  # since when somebody has listened, only he knows
    for row in tx.connection.execute(_HELD):
        if row.worker_id not in known.beating:
            yield row.leased_until
        if row.worker_id in known.beating or live.get(row.worker_id, -lease_s) + lease_s > now:
            yield now + known.grain_s


def _of_breaker(tx: Tx, now: float) -> Iterator[float]:
    """The next look; as minutes leave the hour a lane may get worse without any attempt."""
    minute = tables.rollup_minute.c.minute
    tried = select(minute).where(minute >= first_minute(now)).exists()
    if tx.connection.scalar(select(tried)):
        yield (now // breaker.LOOK_EVERY_S + 1) * breaker.LOOK_EVERY_S
