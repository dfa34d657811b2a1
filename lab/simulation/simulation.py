"""One simulation: a lab made, run for a while, looked at, and cleared away."""

import asyncio
import contextlib
import gc
import hashlib
import math
import tempfile
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from affinity.route import Routes
from affinity.warmup import quotas_of
from lab.accounts import reconciled
from lab.configuration import Loaded, load
from lab.simulation.loop import SimulatedLoop
from lab.simulation.machines import Machines, config_file
from lab.simulation.process import SimulatedProcess
from lab.simulation.saying import Said
from lab.simulation.store import SharedStore
from lab.simulation.wire import Wire
from monitor.events import record
from monitor.reconcile import Reconciliation
from scheduler.service import IDLE_HOUSE_EVERY_S, KEEP_HOUSE_EVERY_S
from scheduler.settings import settings_from
from sinks.connection import quieten
from store import horizon, log, modules
from store.copies import empty_in_memory
from store.engine import Store
from world import crash
from world.chance import SeededChance

_T = TypeVar("_T")

EPOCH: Final = 1_767_571_200.0  # Monday 2026-01-05, 00:00 UTC: where nothing else is said
_LOOK_S: Final = 1.0  # how often all look while somebody may be dead without anybody's knowing
_PAGE: Final = 5000
# The page is for people, who have no place in it; `mtalab web` shows a lab that was kept.
NO_PAGE: Final[Mapping[str, str]] = {"web.listen": "off"}


class Simulation:
    """Made by ``simulated``; everything happens within ``run``."""

    def __init__(
        self, text: str, folder: Path, *, seed: str, epoch: float = EPOCH, tick_s: float = 0.0
    ) -> None:
        file = config_file(folder)
        file.write_text(text, encoding="utf-8")
        self.loaded: Loaded = load(file, {}, NO_PAGE)
        self.seed, self.epoch = seed, epoch
        self.loop = SimulatedLoop()
        self.wire = Wire(self.loop, seed)
        self.loop.network = self.wire
        self.said = Said()
        self.shared = SharedStore(
            empty_in_memory(),
            self.loop.dozing,
            self.loop.time,
            SeededChance(f"{seed}/store"),
        )
        self.machines = Machines(
            self.loop,
            self.wire,
            self.shared,
            self.loaded,
            seed=seed,
            epoch=epoch,
            said=self.said,
        )
        self.loop.dozing.next_due, self.loop.dozing.tick_s = self._next_due, tick_s
        self.up: SimulatedProcess | None = None

    @property
    def store(self) -> Store:
        """The store as nobody's process sees it: always there."""
        return self.shared.store

    def now(self) -> float:
        """Virtual epoch seconds."""
        return self.epoch + self.loop.time()

    def _next_due(self, now: float) -> float:
        configuration = self.machines.loaded.configuration
        lease_s = configuration.scheduler.lease
        known = horizon.Known(
            rate_of=settings_from(configuration).rate_of,
            beating=self._beating(),
            is_watched=any(self.machines.living("scheduler")),
            grain_s=_LOOK_S,
            has_breaker=configuration.breaker.enabled,
            has_quotas=bool(quotas_of(configuration, Routes(configuration.route))),
        )

        def after(time: float) -> float:
            due = self.store.read_now(horizon.next_due, self.epoch + time, lease_s, known)
            return math.inf if due is None else due - self.epoch

        # The scheduler does not keep house at each of its looks: what became due just now may
        # have been passed over.
        due = after(now - IDLE_HOUSE_EVERY_S)
        if due <= now:
            again = (due + each for each in (KEEP_HOUSE_EVERY_S, IDLE_HOUSE_EVERY_S))
            due = min((each for each in (*again, after(now)) if each > now), default=math.inf)
        return max(due, now)

    def _beating(self) -> set[int]:
        """The workers whose heartbeats are left out and would be there."""
        processes = self.machines.processes
        return {
            worker.id
            for worker in self.store.read_now(modules.live_workers)
            if (process := processes.get(worker.pid)) is not None and process.is_well
        }

    # --- time ------------------------------------------------------------------------------------

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine of the experimenter's, and the lab beside it, until it ends."""
        quieten()
        was_enabled = gc.isenabled()
        try:
            with crash.heard_by(self.machines.reached):
                found: _T = self.loop.run_until_complete(main)
        finally:
            if was_enabled:
                gc.enable()
        return found

    def start(self) -> None:
        """``mtalab up``."""
        self.up = self.machines.spawn(("up",), None)

    async def until(self, seconds: float) -> None:
        """Let time pass until so many seconds after the beginning; heartbeats are fresh then."""
        left = seconds - self.loop.time()
        if left > 0:
            await asyncio.sleep(left)
        await self.settle()

    async def settle(self) -> None:
        """Let everybody look who would have looked by now, and do what there is to do now."""
        self.loop.dozing.wake(self.loop.time())
        await self.loop.end_of_instant()

    def wrote(self, operation: object = None) -> None:
        """The experimenter has changed the store: it is news to all."""
        self.shared.written(operation, None)

    def edit(self, text: str) -> None:
        """Let the configuration file say something else; raises what ``load`` does."""
        file = self.loaded.path
        new = file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        loaded = load(new, {}, NO_PAGE)
        new.replace(file)
        self.machines.reconfigure(replace(loaded, path=file))

    # --- what came of it -------------------------------------------------------------------------

    def events(self) -> Iterator[Mapping[str, Any]]:
        """The event log, in an order that does not depend on who committed first."""
        found: list[log.Event] = []
        last = 0
        while page := self.store.read_now(log.events, log.Filter(), after_id=last, limit=_PAGE):
            found += page
            last = page[-1].transition.id
        found.sort(key=_in_time)
        domain = self.loaded.configuration.lab.domain
        for number, each in enumerate(found, 1):
            yield {**record(each, domain), "seq": number}

    def digest(self) -> str:
        """SHA-256 of the event log, as JSON lines."""
        found = hashlib.sha256()
        for each in self.events():
            found.update(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE))
        return found.hexdigest()

    def reconciliation(self) -> Reconciliation:
        return reconciled(self.store, self.machines.loaded)

    def close(self) -> None:
        self.machines.clear_away()
        self.loop.close()
        self.store.close()


def _in_time(event: log.Event) -> tuple[float, int, int]:
    change = event.transition
    return (change.at, change.message_id, change.attempt)


@contextlib.contextmanager
def simulated(
    text: str,
    *,
    seed: str | int = 0,
    epoch: float = EPOCH,
    tick_s: float = 0.0,
    folder: Path | None = None,
) -> Iterator[Simulation]:
    """A lab of this configuration in a simulation, its files in a folder that goes with it."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mtalab-")))
        made = Simulation(text, place, seed=str(seed), epoch=epoch, tick_s=tick_s)
        stack.callback(made.close)
        yield made
