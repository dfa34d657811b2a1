"""What a round does besides spreading: expire, follow the plan, cut what is due, clear up.

Each duty looks before it writes: a write waits for all other writers, and every round waits for it.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from affinity.breaker import tripped
from affinity.configuration import AddressRules
from affinity.rate import Rate
from scheduler.decide.cut import DueMessage, cut
from scheduler.decide.expire import expiry_event
from scheduler.decide.reclaim import Holder, Lease, stale_leases
from scheduler.decide.vigil import Vigil
from scheduler.settings import SchedulerSettings
from store import (
    addresses,
    breaker,
    deliveries,
    exclusion,
    expiry,
    leases,
    modules,
    operator,
    parts,
    replan,
    settlement,
    waves,
)
from store.engine import Store
from world.clock import Clock

EXPIRE_MAX: Final = 2000  # messages of one transaction; keeps writers' waits short
CUT_MAX: Final = 2000
REPLAN_MAX: Final = 64  # domains of one transaction
RELEASE_EVERY_S: Final = 3600.0  # the modelled system looks once a night
SHORTEST_GAP_S: Final = 1.0  # a round on a busy machine is no interruption

Bury = Callable[
    [modules.Worker, Callable[[str, float], float | None], AddressRules], Awaitable[None]
]


class Housekeeping:
    """The slower duties of the leading scheduler."""

    def __init__(self, store: Store, clock: Clock, settings: SchedulerSettings, bury: Bury) -> None:
        self._store, self._clock, self._bury = store, clock, bury
        self.settings = settings
        self._leader: modules.Leader | None = None  # None: nobody else can lead meanwhile
        self._checked: set[tuple[int, int]] = set()  # deliveries whose plans fit the settings
        self._vigil = Vigil(_gap_s(settings))
        self._looked_at = 0.0  # by the breaker
        self._released_at = 0.0  # when addresses were last looked after

    def reconfigure(self, settings: SchedulerSettings) -> None:
        """Follow a changed configuration; mail that is queued is planned anew."""
        self.settings = settings
        self._checked = set()
        self._vigil.gap_s = _gap_s(settings)

    def lead(self, leader: modules.Leader) -> None:
        """Begin anew: who led meanwhile may have planned by another configuration."""
        self._leader = leader
        self._checked = set()

    async def expire(self) -> int:
        """End what is past its validity."""
        now = self._clock.now()
        if not await self._store.read(expiry.is_any_late, now):
            return 0
        return await self._store.write(expiry.expire, now, EXPIRE_MAX, expiry_event)

    async def discard_abandoned(self) -> int:
        """Take back what a killed `submit` left half done."""
        now = self._clock.now()
        since = now - deliveries.ABANDONED_AFTER_S
        if not await self._store.read(deliveries.is_any_abandoned, since):
            return 0
        return len(await self._store.write(deliveries.discard_abandoned, since, now))

    async def withdraw(self) -> int:
        """End what is left of cancelled deliveries."""
        if not await self._store.read(operator.is_any_to_withdraw):
            return 0
        now = self._clock.now()
        return await self._store.write(operator.withdraw_cancelled, EXPIRE_MAX, now)

    async def finish(self) -> int:
        """End deliveries of which nothing is pending."""
        now = self._clock.now()
        if not await self._store.read(deliveries.is_any_complete, now):
            return 0
        return len(await self._store.write(deliveries.finish_complete, now))

    async def begin_waves(self) -> int:
        """Release what was held for a wave whose time has come."""
        now = self._clock.now()
        if not await self._store.read(waves.is_any_due, now):
            return 0
        return await self._store.write(waves.begin_due, now)

    async def break_lanes(self) -> int:
        """Shut the lanes where nearly everything fails; looks every ten seconds by the clock."""
        rule, now = self.settings.breaker, self._clock.now()
        tick = now // breaker.LOOK_EVERY_S
        if not rule.enabled or tick == self._looked_at:
            return 0
        self._looked_at = tick
        found = await self._store.read(breaker.seen, now, rule.messages * rule.errors)
        chosen = tripped(found, self.settings.lane_of, rule)
        if not chosen:
            return 0
        return await self._store.write(breaker.shut, chosen, now + rule.shut, now)

    async def release_addresses(self) -> int:
        """Forget old errors of addresses; looks every hour by the clock."""
        rules, now = self.settings.addresses, self._clock.now()
        tick = now // RELEASE_EVERY_S
        if tick == self._released_at:
            return 0
        if not await self._store.read(addresses.is_any_due, now, rules):
            self._released_at = tick
            return 0
        return await self._store.write(addresses.release_due, now, rules, EXPIRE_MAX)

    async def replan(self) -> int:
        """Hold the plans of queued mail against the configuration and mend those that differ.

        Each delivery once after every change, and each new one: it may have been submitted under
        another version of the file. What fails or is overtaken by a change is taken up again.
        """
        settings, checked, leader = self.settings, self._checked, self._leader
        standing = await self._store.read(replan.standing)
        concerned = 0
        for each in standing:
            if each in checked:
                continue
            plans = await self._store.read(replan.planned, each[0])
            changed = [new for old in plans if (new := _planned_anew(old, settings)) != old]
            for start in range(0, len(changed), REPLAN_MAX):
                chunk = changed[start : start + REPLAN_MAX]
                now = self._clock.now()
                concerned += await self._store.write(replan.replan, chunk, now, leader)
            concerned += await self._bring_back(each[0])
            checked.add(each)
        checked.intersection_update(standing)
        return concerned

    async def _bring_back(self, delivery_id: int) -> int:
        """Undo parts whose way is no plan's any more, as one who led before may have left them."""
        ways = await self._store.read(replan.astray, delivery_id)
        brought, is_any_left = 0, bool(ways)
        while is_any_left:
            now = self._clock.now()
            undone = await self._store.write(replan.undo, delivery_id, ways, now, self._leader)
            brought, is_any_left = brought + undone.messages, undone.parts > 0
        return brought

    async def cut(self) -> int:
        """Make parts of retries that are due, and of messages whose plan changed."""
        now = self._clock.now()
        due = await self._store.read(parts.due, now, CUT_MAX)
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
        domains = {each.message_id: each.domain for each in due}
        ids = [each.message_id for each in due]
        if await self._store.read(exclusion.is_any_denylisted, ids):
            await self._store.write(exclusion.exclude_due, ids, now)
        await self._store.write(parts.cut, cuts, domains, now, self._leader)
        return len(due)

    async def reclaim(self, *, is_any_lent: bool = True) -> int:
        """Clear up after workers that fell silent, and take back leases that nobody renews."""
        now = self._clock.now()
        lease_s = self.settings.pace.lease
        since = self._vigil.watch(now)
        workers = await self._store.read(modules.live_workers)
        silent = [each for each in workers if self._vigil.is_silent(each.heartbeat_at, lease_s)]
        for worker in silent:
            await self._bury(worker, self.worst_tat, self.settings.addresses)
        holders = {
            each.id: Holder(each.id, max(each.heartbeat_at, since), lease_s)
            for each in workers
            if each not in silent
        }
        lent = await self._store.read(leases.leases) if is_any_lent else []
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
        rate: Rate | None = self.settings.rate_of(lane)
        return None if rate is None else rate.worst_case(lease_end)


def _gap_s(settings: SchedulerSettings) -> float:
    return max(settings.pace.lease / 2, SHORTEST_GAP_S)


def _planned_anew(old: replan.Planned, settings: SchedulerSettings) -> replan.Planned:
    group, source_ips = settings.plan(old.affinity, old.domain)
    return replan.Planned(old.delivery_id, old.affinity, old.domain, group, source_ips)
