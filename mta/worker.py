"""One MTA worker: takes its leased parts from the store, sends them, reports what became of them.

Three loops beside the connections: *claim* looks for newly leased parts, *beat* says that the
worker lives and renews its leases, the outbox commits outcomes. The worker sends nothing for which
it holds no valid lease by its own clock, so that a process that slept past its lease wakes up
harmless.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from affinity.gcra import RETURN_WHEN_NEXT_IN_S
from mta.attempts import Attempts
from mta.held import HeldMessage, HeldPart
from mta.journal import Journal
from mta.lane_queue import Hooks
from mta.lanes import Lanes
from mta.measures import Count, Doing, Measures, Timed
from mta.outbox import Outbox
from mta.rendering import Rendering, TrackingOf
from mta.session.envelope import Envelope
from mta.settings import MtaSettings
from mta.trace.tracer import Tracer
from store import leases, modules, reports, settlement, traces
from store.engine import Store
from store.errors import StoreUnavailable
from store.transitions import Author, Recorded
from world.chance import Chance
from world.clock import Clock
from world.crash import reach
from world.log import SILENT, Log

CLAIM_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class World:
    """What a worker is handed of the world."""

    store: Store
    clock: Clock
    chance: Chance
    journal: Journal
    process: Callable[[], modules.Process]
    log: Callable[[int], Log] = lambda _: SILENT  # by the number that the store gives it
    measures: Measures = field(default_factory=Measures)
    traces: Path | None = None  # where traces are kept; None: nowhere, and none is recorded
    tracking_of: TrackingOf = lambda *_: None  # what becomes of a delivery's links


class Worker:
    """One worker process's whole work. Make it, ``await run()``, and ``stop()`` it from outside."""

    def __init__(self, world: World, settings: MtaSettings) -> None:
        self._world = world
        self._settings = settings
        self._held: dict[tuple[int, int], HeldPart] = {}
        self._closed: set[tuple[int, int]] = set()  # since the last claim began to read
        self._done: list[HeldPart] = []  # dealt with, but kept until their lane is quiet
        self._stop = asyncio.Event()
        self._is_fenced = False
        self._tracer: Tracer | None = None
        self._is_working = False  # lanes exist, and obey a changed configuration
        self._announced: object = None  # what the scheduler was last told of us
        self._telling = reports.Telling()
        self._has_news = asyncio.Event()
        self._heard_until = 0.0  # monotonic; after this the store may have declared us dead
        self.worker_id = 0
        self.tally = world.measures.tally

    async def run(self) -> None:
        """Work until stopped or declared dead; everything in hand is answered or given back."""
        world, settings = self._world, self._settings
        self._heard_until = world.clock.monotonic() + settings.pace.lease
        try:
            self.worker_id = await world.store.write(
                modules.register_worker,
                settings.instance,
                settings.affinities,
                str(world.journal.path),
                world.process(),
                world.clock.now(),
            )
        finally:
            if self.worker_id == 0:
                world.journal.close(remove=True)  # nobody knows of it
        author = Author(settings.instance, self.worker_id, self._settings.addresses)
        self._log = log = world.log(self.worker_id)
        log.info("worker_started", note=f"sending for {', '.join(settings.affinities)}")
        self._outbox = Outbox(
            world.store,
            world.clock,
            author,
            world.journal,
            self._when_committed,
            log,
            world.measures,
        )
        self._rendering = Rendering(
            world.store, world.clock, lambda: self._settings, world.chance, world.tracking_of
        )
        self._attempts = Attempts(
            self._outbox, world.clock, world.chance, lambda: self._settings, self._close_one
        )
        async with asyncio.TaskGroup() as tasks:
            hooks = Hooks(
                is_blocked=lambda: self._outbox.is_full,
                may_send=self._may_send,
                render=self._render_measured if world.measures.is_detailed else self._render,
                give_back=self._give_back,
                spent=self._outbox.keep_limiter,
            )
            self._lanes = Lanes(
                world.clock,
                self._settings,
                hooks,
                self._attempts,
                world.chance,
                tasks,
                world.measures,
            )
            self._is_working = True
            await self._announce()
            outbox = tasks.create_task(self._outbox.run(), name="outbox")
            claim = tasks.create_task(self._claim_for_ever(), name="claim")
            beat = tasks.create_task(self._beat_for_ever(), name="beat")
            await self._stop.wait()
            claim.cancel()
            with contextlib.suppress(StoreUnavailable):  # what is lent to us still goes back later
                await world.store.write(modules.stop_taking, self.worker_id)
            await self._wind_down(outbox)
            beat.cancel()
        # What the store was not told, whoever buries us reads: we leave only with nothing to tell.
        has_told_all = not self._is_fenced and world.journal.is_empty()
        if has_told_all:
            with contextlib.suppress(StoreUnavailable):  # then somebody buries us
                await world.store.write(settlement.leave, author, world.clock.now())
        world.journal.close(remove=has_told_all)
        self._tell_end(has_told_all=has_told_all)

    def _tell_end(self, *, has_told_all: bool) -> None:
        if self._is_fenced:
            why = "its leases were lost: others have its mail now"
            self._log.error("worker_fenced", note=f"stopped: {why}")
        elif not has_told_all:
            why = "not all outcomes reached the store: its journal will be replayed"
            self._log.warning("worker_stopped", note=f"stopped; {why}")
        else:
            self._log.info("worker_stopped", note="stopped; all outcomes are in the store")

    def stop(self) -> None:
        """Finish what is in flight, give back the rest, leave."""
        self._stop.set()

    def reconfigure(self, settings: MtaSettings) -> None:
        """Obey a changed configuration from the next message on."""
        self._settings = settings
        if not self._is_working:
            return
        self._outbox.count_by(settings.addresses)
        self._lanes.reconfigure(settings)
        for held in self._lanes.drain(lambda each: not self._is_allowed(each)):
            self._give_back(held)
        self._has_news.set()

    def doing(self) -> Doing:
        """What it waits for when it does not compute."""
        if not self._is_working:
            return Doing.IDLE
        return Doing.STORE if self._outbox.is_full else self._lanes.doing()

    async def _announce(self) -> None:
        """Tell the scheduler what this worker serves and which addresses it cannot send from."""
        settings = self._settings
        addresses = {ip.address for each in settings.affinities.values() for ip in each.ip}
        errors = {
            address: str(error)
            for address in sorted(addresses)
            if (error := settings.network.bind_error(address)) is not None
        }
        told = list(settings.affinities), list(errors), errors
        if told != self._announced:
            await self._world.store.write(modules.announce_worker, self.worker_id, *told)
            self._announced = told

    # --- the loops -----------------------------------------------------------------------------

    async def _claim_for_ever(self) -> None:
        watch = None
        is_behind = True  # something was committed that no claim has read
        while True:
            with contextlib.suppress(StoreUnavailable):  # leases run on; the next turn tries anew
                watch = watch or self._world.store.watch()
                # SQLite gives the number of a part that is gone to a new one: what was passed over
                # for one that is closed is looked at again.
                is_behind = watch.has_changed() or is_behind or bool(self._closed)
                if is_behind:
                    if self._held or leases.may_be_lent(watch, self.worker_id):
                        await self._claim()
                    is_behind = False
            self._report_done()
            await self._world.clock.doze(CLAIM_EVERY_S)

    async def _claim(self) -> None:
        store = self._world.store
        # Apart: a worker runs dry while its own settlement waits for another writer. What is
        # settled meanwhile may still be seen as lent, although others may have it by now.
        self._closed.clear()
        began = self._world.clock.monotonic()
        lent = await store.read_apart(leases.leased_to, self.worker_id)
        self._leave_suspended(lent)
        known = self._held.keys() | self._closed
        new = [each for each in lent if (each.part_id, each.epoch) not in known]
        if not new:
            self._count_claim(began, len(lent), 0)
            return
        messages = await store.read_apart(leases.messages_of, [each.part_id for each in new])
        self._count_claim(began, len(lent), sum(map(len, messages.values())))
        reach("worker.leased")
        await self._rendering.prepare_contents(
            message for each in messages.values() for message in each
        )
        in_hand = (each.lease for each in self._held.values())
        await self._rendering.prepare(each.delivery_id for each in (*in_hand, *new))
        now, wall = self._world.clock.monotonic(), self._world.clock.now()
        for lease in new:
            waiting = messages[lease.part_id]
            good_until = min(now + (lease.leased_until - wall), self._heard_until)
            held = HeldPart(lease, now, good_until, len(waiting))
            self._held[held.key] = held
            if not waiting:
                self._close(held)
                continue
            queue = self._lanes.queue(lease)
            for message in waiting:
                one = HeldMessage(held, message)
                if queue is not None and self._is_allowed(one) and not lease.is_suspended(wall):
                    queue.put(one)
                else:
                    self._give_back(one)
        self._lanes.wake()

    def _count_claim(self, began: float, parts: int, messages: int) -> None:
        counts = self.tally.counts
        counts[Count.CLAIMS] += 1
        counts[Count.CLAIMS_IN_VAIN] += messages == 0
        counts[Count.ROWS_READ] += parts + messages
        self.tally.times[Timed.CLAIM].add(self._world.clock.monotonic() - began)

    def _leave_suspended(self, lent: Sequence[leases.LeasedPart]) -> None:
        """Give back what waits on lanes that an operator suspended."""
        now = self._world.clock.now()
        shut = {each.lane for each in lent if each.is_suspended(now)}
        if shut:
            for waiting in self._lanes.drain(lambda each: each.part.lease.lane in shut):
                self._give_back(waiting)

    async def _beat_for_ever(self) -> None:
        while True:
            self._has_news.clear()
            with contextlib.suppress(StoreUnavailable):  # the leases then end by themselves
                await self._beat()
                await self._announce()
                await self._trace()
            self._return_overdue()
            self._lanes.wake()
            await self._world.clock.doze(self._settings.heartbeat_s, self._has_news)

    async def _beat(self) -> None:
        lease_s = self._settings.pace.lease
        now, wall = self._world.clock.monotonic(), self._world.clock.now()
        held = list(self._held.values())
        words = modules.Words(
            self._attempts.progress_at,
            self._outbox.trouble,
            self._outbox.backlog,
            self.tally.text(),
        )
        news = self._telling.news(words, self._lanes.reports(self.worker_id))
        is_alive = await self._world.store.write(
            reports.beat,
            self.worker_id,
            self._world.process().memory_bytes,
            [each.lease.part_id for each in held],
            wall,
            wall + lease_s,
            news,
        )
        self._telling.told()
        self.tally.times[Timed.BEAT].add(self._world.clock.monotonic() - now)
        if not is_alive:
            self._is_fenced = True
            self._stop.set()
            return
        self._heard_until = now + lease_s
        for each in held:
            each.good_until = self._heard_until
        if held:
            unwanted = await self._world.store.read(leases.unwanted, self.worker_id)
            for waiting in self._lanes.drain(lambda each: each.part.lease.delivery_id in unwanted):
                self._give_back(waiting)

    async def _trace(self) -> None:
        """Record what an operator wants to hear."""
        folder, clock = self._world.traces, self._world.clock
        if folder is None:
            return
        wanted = await self._world.store.read(traces.traces, clock.now())
        if self._tracer is None and wanted:
            name = f"{self._settings.instance}-{self.worker_id}"
            self._tracer = Tracer(folder, name, clock, self._log)
        if self._tracer is not None and self._tracer.obey(wanted):
            self._lanes.trace(self._tracer if wanted else None)

    def _return_overdue(self) -> None:
        """Give back what was held too long, and what a limiter will not let go for a while."""
        now = self._world.clock.monotonic()
        hold_s = self._settings.pace.hold
        for held in self._lanes.drain(lambda each: now - each.part.taken_at > hold_s):
            self._give_back(held)
        for held in self._lanes.drain_slow(RETURN_WHEN_NEXT_IN_S):
            self._give_back(held)

    async def _wind_down(self, outbox: asyncio.Task[None]) -> None:
        for held in self._lanes.drain(lambda _: True):
            self._give_back(held)
        await self._lanes.stop()
        for part in self._done:
            self._report(part)
        if self._tracer is not None:
            self._tracer.close()
        if self._is_fenced:
            outbox.cancel()  # whoever took our parts has read our journal
        else:
            self._outbox.stop()
            await outbox

    # --- what queues and connections ask ---------------------------------------------------------

    def _may_send(self, held: HeldMessage) -> bool:
        clock = self._world.clock
        return (
            not self._is_fenced
            and clock.monotonic() < held.part.good_until
            and clock.now() < held.part.lease.expires_at
            and self._is_allowed(held)
        )

    def _is_allowed(self, held: HeldMessage) -> bool:
        lease = held.part.lease
        return self._settings.admits(lease.affinity, lease.source_ip, held.message.domain)

    def _render(self, held: HeldMessage) -> Envelope | None:
        try:
            rendered = self._rendering.envelope(held)
        except StoreUnavailable:  # its content could not be read
            self._give_back(held)
            return None
        if isinstance(rendered, Envelope):
            return rendered
        self._attempts.not_made(held, rendered)
        return None

    def _render_measured(self, held: HeldMessage) -> Envelope | None:
        measures, began = self._world.measures, self._world.clock.monotonic()
        rendered = self._render(held)
        measures.rendering_s += self._world.clock.monotonic() - began
        return rendered

    def _give_back(self, held: HeldMessage) -> None:
        self.tally.counts[Count.GIVEN_BACK] += 1
        held.part.given_back += 1
        self._close_one(held.part)

    def _close_one(self, part: HeldPart) -> None:
        part.open -= 1
        if part.open == 0:
            self._close(part)

    def _close(self, part: HeldPart) -> None:
        """Every message of it is dealt with: report it, unless it must keep its lane for us."""
        self._done.append(part)
        self._report_done()

    def _report_done(self) -> None:
        waiting, self._done = self._done, []
        for part in waiting:
            lane = part.lease.lane
            if self._lanes.is_quiet(lane) or any(
                each.open > 0 and each.lease.lane == lane for each in self._held.values()
            ):
                self._report(part)
            else:
                self._done.append(part)

    def _report(self, part: HeldPart) -> None:
        if part.given_back:
            self._outbox.release(*part.key)
        else:
            self._outbox.finish(*part.key)

    def _when_committed(self, closed: Sequence[tuple[int, int]], recorded: Recorded) -> None:
        """The store knows that these are closed; a claim that begins now sees them no more."""
        for key in closed:
            self._held.pop(key, None)
        self._closed.update(closed)
        if recorded.fenced:
            self._is_fenced = True  # some lease was lost: whoever has it has read our journal
            self._stop.set()
        self._lanes.wake()
