"""What the scheduler reads in each round, in one transaction. Read only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from affinity.warmup import Account
from store import modules, parts, progress, quotas, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class HeldOnLane:
    """What a worker holds on one lane."""

    worker_id: int
    lane: str
    messages: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane's limiter and suspension, as they outlive its owners."""

    tat: float | None
    suspended_until: float | None


@dataclass(frozen=True, slots=True)
class View:
    """The queue and who could work on it."""

    queued: Sequence[parts.Queued]
    workers: Sequence[modules.Worker]
    leases: Sequence[HeldOnLane]
    lanes: Mapping[str, LaneState]
    running: Sequence[int] = ()  # deliveries that count against a limit on them
    spent: Mapping[Account, int] = field(default_factory=dict)  # of the day's quotas


def view(
    tx: Tx,
    now: float,
    per_way: int,
    heard_since: float = 0.0,
    window: int | None = None,
    *,
    with_running: bool = False,
    quota_day: int | None = None,
) -> View:
    """The first parts of each way, workers heard since a time, what they hold, and the lanes.

    ``window``: messages that a worker may hold on a lane. Of a way no more is read than those
    workers have room for. ``running`` is read only when asked for, and ``spent`` of a day only.
    """
    workers = modules.takers(tx, heard_since)
    queued = (
        parts.queued(tx, now, per_way, window, [each.id for each in workers]) if workers else []
    )
    if not queued:
        return View([], [], [], {})
    part, lane = tables.part, tables.lane
    held = (
        select(part.c.worker_id, part.c.lane, func.sum(part.c.size).label("messages"))
        .where(part.c.state == parts.LEASED)
        .group_by(part.c.worker_id, part.c.lane)
        .order_by(part.c.worker_id, part.c.lane)
    )
    return View(
        queued,
        workers,
        [
            HeldOnLane(row.worker_id, row.lane, int(row.messages))
            for row in tx.connection.execute(held)
        ],
        {
            row.key: LaneState(row.tat, row.suspended_until)
            for row in tx.connection.execute(select(lane))
        },
        [each.delivery_id for each in progress.running(tx)] if with_running else [],
        {} if quota_day is None else quotas.spent(tx, quota_day),
    )
