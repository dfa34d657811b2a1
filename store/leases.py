"""Leases: a part lent to one worker, and what that worker reads of it.

A lease has an owner, an epoch and an end. The epoch grows with each lease, and whoever holds an
older one can write nothing: ``transitions.record`` and ``settle`` ask for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, select

from affinity.warmup import affinity_of
from mail.states import DeliveryEvent, DeliveryStatus, MessageStatus
from store import deliveries, lanes, modules, quotas, tables
from store.dialects import Watch
from store.engine import Tx
from store.parts import LEASED, QUEUED
from world.crash import reach

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Grant:
    """A part for a worker, by a source IP."""

    part_id: int
    delivery_id: int
    worker_id: int
    source_ip: str
    lane: str
    mx_group: str = ""
    shares: tuple[quotas.Share, ...] = ()  # quotas that it is to be within
    messages: int = 0  # of the part, at most, where there are quotas


def lease(tx: Tx, grants: Sequence[Grant], now: float, until: float) -> int:
    """Lend parts; returns how many were still there to lend, and their workers to take them.

    Nothing is lent on a lane that was suspended since the scheduler looked.
    """
    able = modules.taking(tx, (each.worker_id for each in grants))
    shut = lanes.suspensions(tx, now)
    grants = [each for each in grants if each.worker_id in able and each.lane not in shut]
    grants = _within_quotas(tx, grants)
    if not grants:
        return 0
    part = tables.part
    statement = (
        part.update()
        .where(part.c.id == bindparam("_id"), part.c.state == QUEUED)
        .values(
            state=LEASED,
            epoch=part.c.epoch + 1,
            worker_id=bindparam("_worker"),
            source_ip=bindparam("_ip"),
            lane=bindparam("_lane"),
            leased_at=now,
            leased_until=until,
            quota_day=bindparam("_day"),
            affinity_quota_day=bindparam("_affinity_day"),
        )
    )
    lent = tx.connection.execute(
        statement,
        [
            {
                "_id": each.part_id,
                "_worker": each.worker_id,
                "_ip": each.source_ip,
                "_lane": each.lane,
                "_day": _day(each, is_of_affinity=False),
                "_affinity_day": _day(each, is_of_affinity=True),
            }
            for each in grants
        ],
    ).rowcount
    reach("scheduler.leasing")
    table = tables.delivery
    starting = select(table.c.id).where(
        table.c.id.in_({each.delivery_id for each in grants}),
        table.c.status == DeliveryStatus.START_PENDING,
    )
    for delivery_id in sorted(tx.connection.execute(starting).scalars()):
        deliveries.advance(tx, delivery_id, DeliveryEvent.STARTED, now)
    return int(lent)


def _within_quotas(tx: Tx, grants: Sequence[Grant]) -> list[Grant]:
    """The grants that quotas leave, of the parts or of portions of them."""
    limited = [each for each in grants if each.shares]
    lent = quotas.reserve(
        tx, [quotas.Wanted(each.part_id, each.messages, each.shares) for each in limited]
    )
    found = [each for each in grants if not each.shares]
    for each, part_id in zip(limited, lent, strict=True):
        if part_id is not None:
            found.append(replace(each, part_id=part_id))
    return found


def _day(grant: Grant, *, is_of_affinity: bool) -> int | None:
    """The day of the quota of its affinity, or of its source IP, if that is one of its quotas."""
    return next(
        (
            each.day
            for each in grant.shares
            if (affinity_of(each.account) is not None) == is_of_affinity
        ),
        None,
    )


def lease_as_leader(
    tx: Tx,
    process: modules.Process,
    since: float,
    grants: Sequence[Grant],
    now: float,
    until: float,
) -> int:
    """As ``lease``, unless another scheduler has announced itself since: then nothing is lent.

    A leader can lose the lead without knowing: PostgreSQL's lock ends with its own connection.
    """
    return lease(tx, grants, now, until) if modules.leads(tx, process, since) else 0


@dataclass(frozen=True, slots=True)
class LeasedPart:
    """A part in a worker's hand; ``tat`` is the state of its lane's rate limiter, if any."""

    part_id: int
    epoch: int
    delivery_id: int
    affinity: str
    mx_group: str
    source_ip: str
    lane: str
    size: int
    leased_until: float
    expires_at: float
    tat: float | None
    suspended_until: float | None = None

    def is_suspended(self, now: float) -> bool:
        """Whether its lane is: then it is to be given back."""
        return self.suspended_until is not None and self.suspended_until > now


def may_be_lent(watch: Watch, worker_id: int) -> bool:
    """Whether any part may be lent to a worker; asks less than ``leased_to`` does."""
    return watch.has_any(tables.part, "worker_id", worker_id)


def may_be_any(watch: Watch) -> bool:
    """Whether any part may be lent to anybody; likewise."""
    return watch.has_any(tables.part, "state", LEASED)


def leased_to(tx: Tx, worker_id: int) -> list[LeasedPart]:
    """All parts lent to a worker, in the order they were made."""
    return [
        LeasedPart(
            row.id,
            row.epoch,
            row.delivery_id,
            row.affinity,
            row.mx_group,
            row.source_ip,
            row.lane,
            row.size,
            row.leased_until,
            row.expires_at,
            row.tat,
            row.suspended_until,
        )
        for row in tx.connection.execute(_LEASED_TO, {"worker": worker_id})
    ]


def _leased_to() -> Select[Any]:
    part, delivery, lane = tables.part, tables.delivery, tables.lane
    return (
        select(
            part,
            delivery.c.affinity,
            delivery.c.expires_at,
            lane.c.tat,
            lane.c.suspended_until,
        )
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .join(lane, lane.c.key == part.c.lane, isouter=True)
        .where(part.c.worker_id == bindparam("worker", type_=tables.BigId))
        .order_by(part.c.leased_at, part.c.id)
    )


_LEASED_TO: Final = _leased_to()  # asked for by each worker after each commit


def unwanted(tx: Tx, worker_id: int) -> set[int]:
    """Deliveries of which a worker holds parts, and which are paused or cancelled by now."""
    part, delivery = tables.part, tables.delivery
    query = (
        select(delivery.c.id)
        .join(part, part.c.delivery_id == delivery.c.id)
        .where(part.c.worker_id == worker_id, delivery.c.status.not_in(deliveries.ACTIVE))
        .distinct()
    )
    return set(tx.connection.execute(query).scalars())


class PartMessage(NamedTuple):
    """A message to send. ``attempts`` were made before."""

    message_id: int
    address: str
    domain: str
    fields: str
    attempts: int
    content_id: int | None = None  # None: made from its delivery's source


def messages_of(tx: Tx, part_ids: Sequence[int]) -> dict[int, list[PartMessage]]:
    """The pending messages of parts, in order."""
    table = tables.message
    found: dict[int, list[PartMessage]] = {part_id: [] for part_id in part_ids}
    for start in range(0, len(part_ids), _CHUNK):
        gathered = tx.dialect.gathered(
            tx.connection,
            table.c.part_id,
            (
                table.c.id,
                table.c.address,
                table.c.domain,
                table.c.fields,
                table.c.attempts,
                table.c.content_id,
            ),
            (
                table.c.part_id.in_(part_ids[start : start + _CHUNK]),
                table.c.status == MessageStatus.PENDING,
            ),
        )
        for part_id, rows in gathered:
            rows.sort(key=itemgetter(0))  # their numbers
            found[part_id] = [PartMessage._make(row) for row in rows]
    return found


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as the scheduler watches it."""

    part_id: int
    epoch: int
    worker_id: int
    lane: str
    size: int
    leased_until: float


def leases(tx: Tx) -> list[Lease]:
    """All leases."""
    part = tables.part
    query = (
        select(
            part.c.id,
            part.c.epoch,
            part.c.worker_id,
            part.c.lane,
            part.c.size,
            part.c.leased_until,
        )
        .where(part.c.state == LEASED)
        .order_by(part.c.id)
    )
    return [
        Lease(row.id, row.epoch, row.worker_id, row.lane, row.size, row.leased_until)
        for row in tx.connection.execute(query)
    ]
