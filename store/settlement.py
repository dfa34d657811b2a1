"""What ends a lease: its worker settles it, or it is taken back from a worker that is gone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mail.states import MessageStatus
from store import audit, modules, quotas, tables, transitions
from store.engine import Tx
from store.parts import LEASED, QUEUED
from world.crash import reach

_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a worker reports in one go; parts are named by (part, epoch)."""

    outcomes: Sequence[transitions.Outcome] = ()
    finished: Sequence[tuple[int, int]] = ()
    released: Sequence[tuple[int, int]] = ()
    tats: Mapping[str, float] | None = None  # lane → state of its rate limiter


def settle(
    tx: Tx, author: transitions.Author, report: Settlement, at: float
) -> transitions.Recorded:
    """Write outcomes, close or give back parts, keep the limiters: one transaction.

    Limiters count only for lanes of which the author holds a part: a lost lease's are stale.
    """
    tats = _own(tx, author, report.tats or {})
    closed = {*report.finished, *report.released}
    named = {(each.part_id, each.epoch) for each in report.outcomes}
    held = transitions.held_by(tx, author, named | closed)
    recorded = transitions.record(tx, author, report.outcomes, held)
    reach("worker.committing")
    ours = closed & held
    _return(tx, [part_id for part_id, _ in sorted(ours)], at, is_known=True)
    tx.dialect.put(
        tx.connection,
        tables.lane,
        [{"key": key, "tat": tat} for key, tat in sorted(tats.items())],
    )
    return recorded


def leave(tx: Tx, author: transitions.Author, at: float) -> None:
    """The worker stops in good order; a part that it was lent but never took up goes back."""
    part = tables.part
    query = select(part.c.id).where(part.c.worker_id == author.worker_id).order_by(part.c.id)
    _return(tx, list(tx.connection.execute(query).scalars()), at, is_known=True)
    modules.end_worker(tx, author.worker_id, modules.STOPPED, at)


def _own(tx: Tx, author: transitions.Author, tats: Mapping[str, float]) -> dict[str, float]:
    """Those of lanes of which the author holds a part, locked until commit."""
    if not tats:
        return {}
    part = tables.part
    query = (
        select(part.c.lane)
        .where(part.c.worker_id == author.worker_id)
        .order_by(part.c.id)
        .with_for_update()
    )
    held = set(tx.connection.execute(query).scalars())
    return {lane: tat for lane, tat in tats.items() if lane in held}


def _return(tx: Tx, part_ids: Sequence[int], at: float, *, is_known: bool) -> None:
    """Queue parts again for whatever of them is still pending; empty ones are gone.

    ``is_known``: their worker says what it sent of them.
    """
    part, message = tables.part, tables.message
    for start in range(0, len(part_ids), _CHUNK):
        chunk = part_ids[start : start + _CHUNK]
        left: dict[int, int] = {
            row.part_id: row.left
            for row in tx.connection.execute(
                select(message.c.part_id, func.count().label("left"))
                .where(message.c.part_id.in_(chunk), message.c.status == MessageStatus.PENDING)
                .group_by(message.c.part_id)
            )
        }
        quotas.settle(tx, chunk, left, at, is_known=is_known)
        empty = [each for each in chunk if each not in left]
        if empty:
            tx.connection.execute(part.delete().where(part.c.id.in_(empty)))
        for part_id in sorted(left):
            _queue_again(tx, part_id, left[part_id], at)


def _queue_again(tx: Tx, part_id: int, left: int, at: float) -> None:
    """Queue a part again for the ``left`` messages of it that are pending.

    If the plan of its domains changed while it was lent, its messages are due to be cut anew.
    """
    part, message = tables.part, tables.message
    if _is_outdated(tx, part_id):
        tx.connection.execute(
            message.update()
            .where(message.c.part_id == part_id, message.c.status == MessageStatus.PENDING)
            .values(part_id=None, next_attempt_at=at)
        )
        tx.connection.execute(part.delete().where(part.c.id == part_id))
        return
    tx.connection.execute(
        part.update()
        .where(part.c.id == part_id)
        .values(
            state=QUEUED,
            size=left,
            worker_id=None,
            source_ip=None,
            lane=None,
            leased_at=None,
            leased_until=None,
            queued_at=at,
            quota_day=None,
            affinity_quota_day=None,
        )
    )


def _is_outdated(tx: Tx, part_id: int) -> bool:
    """Whether a domain's plan is no longer the part's; that plan then stands until commit.

    The rows are locked before they are compared: on PostgreSQL a new plan could otherwise be put
    in force between our look at it and our commit, and its author would not see the part.
    """
    part, message, domain = tables.part, tables.message, tables.delivery_domain
    made = tx.connection.execute(
        select(part.c.delivery_id, part.c.mx_group, part.c.source_ips).where(part.c.id == part_id)
    ).one()
    domains = (
        select(message.c.domain)
        .where(message.c.part_id == part_id, message.c.status == MessageStatus.PENDING)
        .distinct()
    )
    plans = tx.connection.execute(
        select(domain.c.mx_group, domain.c.source_ips)
        .where(domain.c.delivery_id == made.delivery_id, domain.c.domain.in_(domains))
        .order_by(domain.c.domain)
        .with_for_update(read=True)
    )
    return any((row.mx_group, row.source_ips) != (made.mx_group, made.source_ips) for row in plans)


def reclaim(tx: Tx, stale: Sequence[tuple[int, int]], tats: Mapping[str, float], at: float) -> int:
    """Take back leases (part, epoch) whose holder is gone; returns how many still stood.

    ``tats`` holds, for limited lanes, the limiter's state if the holder used all it was allowed.
    """
    part = tables.part
    taken = 0
    for part_id, epoch in stale:
        raised = tx.connection.execute(
            part.update()
            .where(part.c.id == part_id, part.c.epoch == epoch, part.c.state == LEASED)
            .values(epoch=epoch + 1)
        ).rowcount
        if raised:
            _return(tx, [part_id], at, is_known=False)
            taken += 1
    lane = tables.lane
    for key, tat in sorted(tats.items()):
        stored = tx.connection.scalar(select(lane.c.tat).where(lane.c.key == key))
        tx.dialect.put(
            tx.connection,
            lane,
            [{"key": key, "tat": tat if stored is None else max(tat, stored)}],
        )
    return taken


def bury(
    tx: Tx,
    author: transitions.Author,
    outcomes: Sequence[transitions.Outcome],
    worst: Callable[[str, float], float | None],
    at: float,
    damaged: int = 0,
    heard_at: float | None = None,
) -> transitions.Recorded | None:
    """Clear up after a dead worker: write what its journal held, then take back all it had.

    ``worst(lane, leased_until)`` is the state of the lane's limiter if the worker used all that it
    was allowed, or None for a lane without one. ``damaged`` records of the journal could not be
    read: the audit keeps that. With ``heard_at`` only if nothing was heard of it since. Returns
    None when somebody was quicker, or it was heard.
    """
    part = tables.part
    if not modules.is_burying(tx, author.worker_id, heard_at):
        return None
    recorded = transitions.record(tx, author, outcomes)
    reach("instance.burying")
    held = tx.connection.execute(
        select(part.c.id, part.c.epoch, part.c.lane, part.c.leased_until)
        .where(part.c.worker_id == author.worker_id)
        .order_by(part.c.id)
    ).all()
    tats: dict[str, float] = {}
    for row in held:
        tat = worst(row.lane, min(row.leased_until, at))
        if tat is not None:
            tats[row.lane] = max(tat, tats.get(row.lane, tat))
    reclaim(tx, [(row.id, row.epoch) for row in held], tats, at)
    modules.end_worker(tx, author.worker_id, modules.DEAD, at)
    audit.note(
        tx,
        at,
        f"worker {author.worker_id} of mta@{author.mta} is gone: {recorded.written} outcomes "
        f"replayed from its journal, {len(held)} parts taken back"
        + (f", {damaged} damaged records left out" if damaged else ""),
        level="warning",
    )
    return recorded
