"""The machine as one simulated process sees it; see ``lab.machine.Machine``."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from lab.configuration import Loaded
from lab.machine import Started
from lab.simulation.loop import SimulatedLoop
from lab.simulation.process import SimulatedProcess, State
from lab.simulation.store import SharedStore, SimulatedStore
from lab.simulation.wire import Wire
from mta.journal import Journal
from sinks import control
from store.engine import Store
from store.modules import Process
from store.transitions import Outcome
from world.chance import Chance, SeededChance
from world.clock import About
from world.network import HostNetwork, Network

HOST: Final = "simulated"


class Surroundings(Protocol):
    """What is there besides this process; ``Machines`` is it."""

    loop: SimulatedLoop
    wire: Wire
    shared: SharedStore
    seed: str
    epoch: float
    is_disk_full: bool
    doors: dict[int, control.Handle]
    processes: dict[int, SimulatedProcess]

    def spawn(self, words: Sequence[str], parent: SimulatedProcess | None) -> SimulatedProcess: ...

    def kill(self, process: SimulatedProcess) -> None: ...

    def is_running(self, host: str, pid: int) -> bool | None: ...

    def is_stopped(self, pid: int) -> bool: ...


class SimulatedClock:
    """Virtual time, as a process with a wrong clock has it."""

    def __init__(self, machines: Surroundings, process: SimulatedProcess | None = None) -> None:
        self._machines, self._process = machines, process

    def now(self) -> float:
        skew = 0.0 if self._process is None else self._process.skew_s
        return self._machines.epoch + self._machines.loop.time() + skew

    def monotonic(self) -> float:
        return self._machines.loop.time()

    async def doze(
        self, seconds: float, news: asyncio.Event | None = None, *, about: About = "store"
    ) -> None:
        loop = self._machines.loop
        doze = loop.dozing.doze(loop, seconds, about)
        waiting: asyncio.Task[Any] | None = None
        try:
            if news is None:
                await doze.over
            else:
                waiting = loop.create_task(news.wait())
                await asyncio.wait({doze.over, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if waiting is not None:
                waiting.cancel()
            loop.dozing.leave(doze)


class SimulatedJournal(Journal):
    """On a real disk that may be said to be full; the kernel closes it with its process."""

    def __init__(self, path: Path, machines: Surroundings, process: SimulatedProcess) -> None:
        super().__init__(path)
        self._machines, self._process = machines, process
        self._is_open = True
        process.open[id(self)] = self

    def append(self, outcomes: Sequence[Outcome]) -> None:
        if self._machines.is_disk_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        super().append(outcomes)

    def close(self, *, remove: bool) -> None:
        if self._is_open:
            self._is_open = False
            self._process.open.pop(id(self), None)
            super().close(remove=remove)

    def close_by_kernel(self) -> None:
        self.close(remove=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A file that the kernel closes."""

    close_by_kernel: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _SimulatedNetwork:
    """Loopback alone, of which some addresses may be missing."""

    machines: Surroundings
    allowed: HostNetwork

    def admit(self, address: str) -> str:
        return self.allowed.admit(address)

    def bind_error(self, address: str) -> OSError | None:
        if address in self.machines.wire.faults.missing_ips:
            return OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return None


class SimulatedMachine:
    """One for each process."""

    def __init__(self, machines: Surroundings, process: SimulatedProcess) -> None:
        self._machines, self._process = machines, process
        self.clock = SimulatedClock(machines, process)
        self.sockets = self

    # --- sockets ---------------------------------------------------------------------------------

    def bind(self, who: str, listen: str) -> Any:
        return self._machines.wire.bind(who, listen)

    def door(self, directory: Path, handle: control.Handle) -> AbstractAsyncContextManager[None]:
        return self._door(handle)

    @contextlib.asynccontextmanager
    async def _door(self, handle: control.Handle) -> AsyncIterator[None]:
        self._machines.doors[self._process.pid] = handle
        yield

    def holds(self, close: Callable[[], None]) -> None:
        held = _Held(close)
        self._process.open[id(held)] = held

    # --- what it is asked for --------------------------------------------------------------------

    def chance(self) -> Chance:
        return SeededChance(f"{self._machines.seed}/{self._process.name}/{self._process.pid}")

    def store_of(self, loaded: Loaded) -> Store:
        return SimulatedStore(self._machines.shared, self._process)

    def journal(self, stem: Path) -> Journal:
        return SimulatedJournal(stem, self._machines, self._process)

    def network(self, loaded: Loaded) -> Network:
        allowed = HostNetwork.allowing(loaded.configuration.lab.allow_networks)
        return _SimulatedNetwork(self._machines, allowed)

    def this_process(self) -> Process:
        return Process(HOST, self._process.pid, 0)

    def is_orphan(self) -> bool:
        parent = self._process.parent
        return parent is not None and parent.state is State.DEAD

    def is_running(self, host: str, pid: int) -> bool | None:
        return self._machines.is_running(host, pid)

    def is_stopped(self, pid: int) -> bool:
        return self._machines.is_stopped(pid)

    async def end_process(self, host: str, pid: int, started_by: float) -> bool:
        found = self._machines.processes.get(pid)
        if host != HOST:
            return False
        if found is not None and found.started_at <= started_by + 1.0:
            self._machines.kill(found)
        return True

    async def start(
        self,
        config: Path,
        words: Sequence[str],
        *,
        settled: Mapping[str, str],
        output: Path | None,
    ) -> Started:
        return self._machines.spawn(words, self._process)
