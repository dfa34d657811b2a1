"""What a round does besides spreading: expire, follow the plan, cut what is due, clear up."""

from collections.abc import Awaitable, Callable
from typing import Final

from affinity.gcra import Gcra
from scheduler.decide.cut import DueMessage, cut
from scheduler.decide.expire import expiry_event
from scheduler.decide.reclaim import Holder, Lease, stale_leases
from scheduler.decide.vigil import Vigil
from scheduler.settings import SchedulerSettings
from store import deliveries, expiry, leases, modules, parts, replan, settlement
from store.engine import Store
from world.clock import Clock

EXPIRE_MAX: Final = 2000  # messages of one transaction; keeps writers' waits short
CUT_MAX: Final = 2000

Bury = Callable[[modules.Worker, Callable[[str, float], float | None]], Awaitable[None]]


class Housekeeping:
    """The slower duties of the leading scheduler."""

    def __init__(self, store: Store, clock: Clock, settings: SchedulerSettings, bury: Bury) -> None:
        self._store, self._clock, self._bury = store, clock, bury
        self.settings = settings
        self._planned_up_to = 0
        self._must_replan = True
        self._vigil = Vigil(settings.pace.lease / 2)

    def reconfigure(self, settings: SchedulerSettings) -> None:
        """Follow a changed configuration; mail that is queued is planned anew."""
        self.settings = settings
        self._must_replan = True
        self._vigil.gap_s = settings.pace.lease / 2

    async def expire(self) -> int:
        """End what is past its validity."""
        now = self._clock.now()
        return await self._store.write(expiry.expire, now, EXPIRE_MAX, expiry_event)

    async def finish(self) -> int:
        """End deliveries of which nothing is pending."""
        return len(await self._store.write(deliveries.finish_complete, self._clock.now()))

    async def replan(self) -> int:
        """Hold the plans of queued mail against the configuration and mend those that differ.

        All of them after a change, otherwise only those of deliveries not seen yet: they may have
        been submitted under another version of the file.
        """
        newer_than = 0 if self._must_replan else self._planned_up_to
        self._must_replan = False
        plans = await self._store.read(replan.planned, newer_than=newer_than)
        if not plans:
            return 0
        self._planned_up_to = max(self._planned_up_to, plans[-1].delivery_id)
        changed = []
        for each in plans:
            group, source_ips = self.settings.plan(each.affinity, each.domain)
            if (group, source_ips) != (each.mx_group, each.source_ips):
                changed.append(
                    replan.Planned(each.delivery_id, each.affinity, each.domain, group, source_ips)
                )
        if not changed:
            return 0
        return await self._store.write(replan.replan, changed, self._clock.now())

    async def cut(self) -> int:
        """Make parts of retries that are due, and of messages whose plan changed."""
        due = await self._store.read(parts.due, self._clock.now(), CUT_MAX)
        if not due:
            return 0
        waiting = [
            DueMessage(each.message_id, each.delivery_id, each.mx_group, each.source_ips)
            for each in due
        ]
        sizes = await self._store.read(
            deliveries.part_sizes, sorted({each.delivery_id for each in due})
        )
        cuts = [
            parts.Cut(each.delivery_id, each.mx_group, each.source_ips, each.message_ids)
            for each in cut(waiting, sizes)
        ]
        await self._store.write(parts.cut, cuts)
        return len(due)

    async def reclaim(self) -> int:
        """Clear up after workers that fell silent, and take back leases that nobody renews."""
        now = self._clock.now()
        lease_s = self.settings.pace.lease
        since = self._vigil.watch(now)
        workers = await self._store.read(modules.live_workers)
        silent = [each for each in workers if self._vigil.is_silent(each.heartbeat_at, lease_s)]
        for worker in silent:
            await self._bury(worker, self.worst_tat)
        holders = {
            each.id: Holder(each.id, max(each.heartbeat_at, since), lease_s)
            for each in workers
            if each not in silent
        }
        lent = await self._store.read(leases.leases)
        by_id = {each.part_id: each for each in lent}
        stale = stale_leases(
            [Lease(each.part_id, each.worker_id, each.leased_until) for each in lent],
            holders,
            now,
        )
        if not stale:
            return len(silent)
        tats: dict[str, float] = {}
        for each in stale:
            lane = by_id[each.lease.part_id].lane
            tat = self.worst_tat(lane, min(each.lease.leased_until, now))
            if tat is not None:
                tats[lane] = max(tat, tats.get(lane, tat))
        pairs = [(each.lease.part_id, by_id[each.lease.part_id].epoch) for each in stale]
        return len(silent) + await self._store.write(settlement.reclaim, pairs, tats, now)

    def worst_tat(self, lane: str, lease_end: float) -> float | None:
        """The lane's limiter if its owner used all it was allowed; None without a rate limit."""
        rate: Gcra | None = self.settings.rate_of(lane)
        return None if rate is None else rate.worst_case(lease_end)
