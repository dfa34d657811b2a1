"""``mta@NAME``: keeps the worker processes of one instance running and clears up after each.

A worker that dies is buried at once: its journal is replayed and its parts are taken back, before
another is started. One that lives but has said nothing for a whole lease is killed first: it holds
connections that its successor will need.
"""

import asyncio
import contextlib
import signal
from typing import Final

from lab.burial import bury
from lab.children import Child, Leaving
from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import to_the_end
from lab.machine import Machine, Started
from scheduler.decide.vigil import Vigil
from scheduler.settings import settings_from
from store import halts, modules
from store.engine import Store
from store.errors import StoreUnavailable
from world.crash import reach
from world.log import Log

BEAT_EVERY_S: Final = 2.0
STOP_GRACE_S: Final = 15.0  # what is in flight may be at a slow receiver


class Instance:
    """The parent of an instance's workers."""

    def __init__(
        self,
        loaded: Loaded,
        name: str,
        store: Store,
        machine: Machine,
        *,
        following: Following,
        log: Log,
    ) -> None:
        self._loaded, self._name, self._store, self._machine = loaded, name, store, machine
        self._clock = machine.clock
        self._following, self._log = following, log
        self._halt: halts.Halt | None = None  # an operator's word that no worker is to run
        self._children: list[Child] = []
        self._leaving = Leaving(STOP_GRACE_S)
        self._gone = asyncio.Event()
        self._announced: object = None  # what the store was last told
        self._vigil = Vigil(loaded.configuration.scheduler.lease / 2)

    async def run(self) -> None:
        """Run until cancelled or until the configuration has no such instance any more."""
        await self._bury_leftovers()
        await self._announce()
        self._obey((await self._store.read(halts.halts)).get(self._name))
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._adjust()
                beat = tasks.create_task(self._beat_for_ever(), name="beat")
                watch = tasks.create_task(self._watch_for_ever(), name="watch")
                follow = tasks.create_task(self._follow(), name="follow")
                try:
                    await self._gone.wait()
                finally:
                    for each in (beat, watch, follow):
                        each.cancel()
                    # A supervisor stops us while we go of our own will.
                    await to_the_end(self._stop_all())
                    await to_the_end(self._machine.start_no_more())
        finally:
            with contextlib.suppress(StoreUnavailable):
                self._store.write_now(
                    modules.stop_instance,
                    self._name,
                    self._machine.this_process().pid,
                    self._clock.now(),
                )

    async def _stop_all(self) -> None:
        every = {*self._children, *self._leaving.still}
        await asyncio.gather(*(each.stop(STOP_GRACE_S) for each in every))

    async def _announce(self) -> None:
        mta = self._loaded.configuration.mta[self._name]
        await self._store.write(
            modules.announce_instance,
            self._name,
            mta.affinities,
            mta.workers,
            self._machine.this_process(),
            self._clock.now(),
        )
        self._announced = mta

    def _adjust(self) -> None:
        """Have as many workers as the configuration says, or none while an operator wants none."""
        configured = self._loaded.configuration.mta[self._name].workers
        wanted = configured if self._halt is None else 0
        while len(self._children) < wanted:
            child = Child(
                f"worker {len(self._children) + 1} of mta@{self._name}",
                self._start_worker,
                self._clock,
                log=self._log,
                ended=self._worker_ended,
            )
            self._children.append(child)
            self._tasks.create_task(child.run(), name=child.name)
        while len(self._children) > wanted:
            child = self._children.pop()
            self._tasks.create_task(self._leaving.see_off(child), name=f"stop {child.name}")

    async def _start_worker(self) -> Started:
        words = ("worker", self._name)
        return await self._machine.start(self._loaded.path, words, settled={}, output=None)

    async def _follow(self) -> None:
        async for loaded in self._following.changes():
            self._loaded = loaded
            if self._name not in loaded.configuration.mta:
                self._log.info("instance_removed", note="is not configured any more: stopping")
                self._gone.set()
                return
            self._adjust()
            with contextlib.suppress(StoreUnavailable):  # the next beat tells it
                await self._announce()

    def _obey(self, halt: halts.Halt | None) -> None:
        """Go by what an operator wants, which outlives us in the store."""
        before, self._halt = self._halt, halt
        if halt is not None:
            self._log.warning(
                "instance_halted",
                note=f"stopped by {halt.by}: no workers until `mtalab mta start {self._name}`",
            )
        elif before is not None:
            self._log.info("instance_started", note="started again by an operator")

    async def _beat_for_ever(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self._store.write(
                    modules.beat_instance,
                    self._name,
                    self._machine.this_process(),
                    self._clock.now(),
                )
                reach("instance.beating")
                self._vigil.watch(self._clock.now())
                halt = (await self._store.read(halts.halts)).get(self._name)
                if halt != self._halt and self._name in self._loaded.configuration.mta:
                    self._obey(halt)
                    self._adjust()
                if self._announced != self._loaded.configuration.mta.get(self._name):
                    await self._announce()
            await self._clock.doze(BEAT_EVERY_S)

    async def _watch_for_ever(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self._kill_silent()
            await self._clock.doze(BEAT_EVERY_S)

    async def _kill_silent(self) -> None:
        """A worker that says nothing for a lease, or is buried already, is stopped or stuck.

        One stopped in its own write blocks every writer, our beat among them: so it is read apart,
        and a process that is stopped needs nobody to have listened.
        """
        lease_s = self._loaded.configuration.scheduler.lease
        mine = {each.pid: each for each in self._children if each.pid is not None}
        found = await self._store.read_apart(
            modules.workers_with_pids, self._machine.this_process().host, list(mine)
        )
        for pid, worker in found.items():
            if worker.started_at < mine[pid].started_at:
                continue  # an older process of the same number; this one is still to register
            now, heard = self._clock.now(), worker.heartbeat_at
            is_over = self._vigil.is_silent(heard, lease_s) or (
                self._machine.is_stopped(pid) and heard + lease_s <= now
            )
            if worker.state == modules.DEAD or (worker.state == modules.ALIVE and is_over):
                self._log.warning(
                    "worker_killed",
                    note=f"{mine[pid].name} (pid {pid}) is silent: killed",
                    worker_id=worker.id,
                    worker_pid=pid,
                )
                mine[pid].signal(signal.SIGKILL)

    async def _worker_ended(self, pid: int, _code: int) -> None:
        with contextlib.suppress(StoreUnavailable):  # the scheduler then buries it a lease later
            for worker in await self._store.read(modules.live_workers):
                here = self._machine.this_process().host
                if (worker.instance, worker.host, worker.pid) == (self._name, here, pid):
                    await self._bury(worker)

    async def _bury_leftovers(self) -> None:
        """Workers of this instance that a killed parent left behind, dead by now."""
        for worker in await self._store.read(modules.live_workers):
            if (
                worker.instance == self._name
                and self._machine.is_running(worker.host, worker.pid) is False
            ):
                await self._bury(worker)

    async def _bury(self, worker: modules.Worker) -> None:
        rate_of = settings_from(self._loaded.configuration).rate_of

        def worst(lane: str, lease_end: float) -> float | None:
            rate = rate_of(lane)
            return None if rate is None else rate.worst_case(lease_end)

        await bury(self._store, self._machine, worker, worst)
