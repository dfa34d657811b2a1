"""The scheduler as a service: leads, then reads, decides and applies, round after round."""

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from affinity.warmup import account_of, day_of
from mail.states import DeliveryStatus
from scheduler.decide.snapshot import LaneView, LiveWorker, QueuedPart, Snapshot
from scheduler.decide.spread import Grant, Memory, spread
from scheduler.housekeeping import Bury, Housekeeping
from scheduler.settings import SchedulerSettings
from store import deliveries, leases, modules, parts, quotas, scheduling
from store.dialects import Leadership, Watch
from store.engine import Store
from store.errors import StoreUnavailable
from store.tally import Tally
from world.clock import Clock
from world.crash import reach
from world.log import SILENT, Log

LEAD_AGAIN_S: Final = 0.5
BUSY_PAUSE_S: Final = 0.005  # after a round that granted something there is likely more
KEEP_HOUSE_EVERY_S: Final = 0.2  # a due retry is then in a part well within a second
IDLE_HOUSE_EVERY_S: Final = 0.5  # less than the shortest gap that Vigil knows
BEAT_EVERY_S: Final = 2.0
PARTS_PER_WAY: Final = 64  # looked at per delivery, MX group and source IPs in one round


class Count(StrEnum):
    """What a scheduler counts."""

    ROUNDS = "rounds"
    ROUNDS_IN_VAIN = "rounds_in_vain"  # nothing was lent
    ROWS_READ = "rows_read"  # parts, workers and lanes


class Timed(StrEnum):
    """What a scheduler times."""

    VIEW = "store.view"  # all that a round decides by is read
    LEASE = "store.lease"  # what it decided is written


class Scheduler:
    """Make it, ``await run()``; it returns only by cancellation."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SchedulerSettings,
        bury: Bury,
        process: Callable[[], modules.Process],
        log: Log = SILENT,
    ) -> None:
        self._log = log
        self._is_store_away = False
        self._store, self._clock, self._process = store, clock, process
        self._settings = settings
        self._housekeeping = Housekeeping(store, clock, settings, bury)
        self._memory = Memory()
        self.has_led = False
        self.is_leading = False
        self.tally = Tally()
        self._watch: Watch | None = None
        self._is_idle = False  # every delivery is over; only its remains are looked after
        self._since = 0.0  # when we announced that we lead; epoch seconds

    def reconfigure(self, settings: SchedulerSettings) -> None:
        """Go by a changed configuration from the next round on."""
        self._settings = settings
        self._housekeeping.reconfigure(settings)

    async def run(self) -> None:
        """Wait for the lead, then work. A store that is away is waited for."""
        while True:
            leadership = None
            with contextlib.suppress(StoreUnavailable):
                leadership = self._store.try_lead()
            if leadership is None:
                await self._clock.doze(LEAD_AGAIN_S)
                continue
            try:
                await self._lead(leadership)
                self._log.warning("lead_lost", note="lost the lead; waiting for it again")
            finally:
                self.is_leading = False
                leadership.release()

    async def _lead(self, leadership: Leadership) -> None:
        self._since = 0.0
        house_at = beat_at = 0.0
        while leadership.is_held():
            try:
                if not self._since:
                    await self._announce()
                self._watch = self._watch or self._store.watch()
                if self._watch.has_changed() or self._is_store_away:
                    self._is_idle = not await self._is_any_unfinished(self._watch)
                now = self._clock.monotonic()
                if now >= beat_at:
                    await self._beat()
                    beat_at = now + BEAT_EVERY_S
                if now >= house_at:
                    await self._keep_house(self._watch)
                    house_at = now + (IDLE_HOUSE_EVERY_S if self._is_idle else KEEP_HOUSE_EVERY_S)
                granted = 0 if self._is_idle else await self._round()
                self._note_store(None)
            except StoreUnavailable as error:
                # Leases run on without us; a store that is back is taken up where it stands.
                self._note_store(error)
                await self._clock.doze(LEAD_AGAIN_S)
                continue
            if granted:
                await asyncio.sleep(BUSY_PAUSE_S)
            else:
                await self._clock.doze(self._settings.pace.round)

    async def _is_any_unfinished(self, watch: Watch) -> bool:
        may_be = deliveries.may_be_any(watch, *deliveries.UNFINISHED)
        return may_be and await self._store.read(deliveries.is_any_unfinished)

    async def _announce(self) -> None:
        now = self._clock.now()
        await self._store.write(
            modules.announce_module, modules.SCHEDULER, self._process(), "", now
        )
        self._since = now
        self._housekeeping.lead(modules.Leader(self._process(), now))
        self.has_led = self.is_leading = True
        self._log.info("leading", note="leads: parts are lent from now on")

    def _note_store(self, error: StoreUnavailable | None) -> None:
        if (error is not None) == self._is_store_away:
            return
        self._is_store_away = error is not None
        if error is None:
            self._log.info("store_back", note="the store is back")
        else:
            self._log.error("store_away", note=str(error))

    async def _beat(self) -> None:
        await self._store.write(
            modules.beat_module,
            modules.SCHEDULER,
            self._process(),
            self._clock.now(),
            self.tally.text(),
        )

    async def _keep_house(self, watch: Watch) -> None:
        house = self._housekeeping
        if not self._is_idle:
            await house.expire()
            await house.begin_waves()
            await house.break_lanes()
            await house.replan()
            await house.cut()
        await house.release_addresses()
        await house.reclaim(is_any_lent=leases.may_be_any(watch))
        if deliveries.may_be_any(watch, DeliveryStatus.CANCELLED):
            await house.withdraw()
        if not self._is_idle:
            await house.finish()
        if deliveries.may_be_any(watch, DeliveryStatus.EDITING):
            await house.discard_abandoned()

    async def _round(self) -> int:
        """Read, decide, apply; returns the number of parts lent."""
        now = self._clock.now()
        # One that may be gone by the time a part reaches it is given none.
        heard_since = now - self._settings.pace.lease / 2
        # A worker with nothing in hand is given a part that is larger than its window, too.
        window = max(self._settings.pace.lane_window, self._settings.pace.part_max)
        began = self._clock.monotonic()
        view = await self._store.read(
            scheduling.view,
            now,
            PARTS_PER_WAY,
            heard_since,
            window,
            with_running=self._settings.pace.max_deliveries is not None,
            quota_day=day_of(now) if self._settings.rules.quotas else None,
        )
        self.tally.times[Timed.VIEW].add(self._clock.monotonic() - began)
        counts = self.tally.counts
        counts[Count.ROUNDS] += 1
        counts[Count.ROUNDS_IN_VAIN] += 1  # until something is lent
        counts[Count.ROWS_READ] += sum(
            map(len, (view.queued, view.workers, view.leases, view.lanes))
        )
        if not view.queued or not view.workers:
            return 0
        grants, self._memory = spread(
            _snapshot(view, now), self._settings.rules, self._settings.pace, self._memory
        )
        if not grants:
            return 0
        of = {each.part_id: each for each in view.queued}
        chosen = [self._lease_of(each, of[each.part_id], now) for each in grants]
        until, began = now + self._settings.pace.lease, self._clock.monotonic()
        lent = await self._store.write(
            leases.lease_as_leader, self._process(), self._since, chosen, now, until
        )
        reach("scheduler.leased")
        self.tally.times[Timed.LEASE].add(self._clock.monotonic() - began)
        counts[Count.ROUNDS_IN_VAIN] -= lent > 0
        return lent

    def _lease_of(self, grant: Grant, part: parts.Queued, now: float) -> leases.Grant:
        """A grant as the store takes it, with the quotas of the day that it is within."""
        day, rules = day_of(now), self._settings.rules.quotas
        of = {
            (grant.source_ip, grant.mx_group): rules.of(grant.source_ip, grant.mx_group, day),
            account_of(part.affinity): rules.of_affinity(part.affinity),
        }
        return leases.Grant(
            *(grant.part_id, grant.delivery_id, grant.worker_id, grant.source_ip),
            *(grant.lane_key, grant.mx_group),
            tuple(quotas.Share(key, day, each) for key, each in of.items() if each is not None),
            part.size if grant.messages is None else grant.messages,
        )


def _snapshot(view: scheduling.View, now: float) -> Snapshot:
    owners: dict[str, int] = {}
    in_hand: dict[int, dict[str, int]] = {}
    for lease in view.leases:
        owners[lease.lane] = lease.worker_id
        of_worker = in_hand.setdefault(lease.worker_id, {})
        of_worker[lease.lane] = of_worker.get(lease.lane, 0) + lease.messages
    lanes = [
        LaneView(
            key,
            owners.get(key),
            view.lanes[key].tat if key in view.lanes else None,
            key in view.lanes and (view.lanes[key].suspended_until or 0.0) > now,
        )
        for key in sorted(owners.keys() | view.lanes.keys())
    ]
    return Snapshot(
        now,
        tuple(
            QueuedPart(
                each.part_id,
                each.delivery_id,
                each.affinity,
                each.mx_group,
                each.source_ips,
                each.size,
                each.priority,
                each.contact_at,
                each.is_started,
            )
            for each in view.queued
        ),
        tuple(
            LiveWorker(
                each.id,
                each.instance,
                frozenset(each.affinities),
                frozenset(each.unbindable),
                in_hand.get(each.id, {}),
            )
            for each in view.workers
        ),
        tuple(lanes),
        frozenset(view.running),
        view.spent,
    )
