"""The machine as one simulated process sees it; see ``lab.machine.Machine``."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from lab.configuration import Loaded
from lab.machine import Started
from lab.simulation.files import SimulatedAppendFile, SimulatedJournal
from lab.simulation.loop import SimulatedLoop
from lab.simulation.process import SimulatedProcess, State
from lab.simulation.store import SharedStore, SimulatedStore
from lab.simulation.wire import Wire
from lab.up_lock import LabIsUp
from mta.journal import Journal
from sinks import control
from sinks.append_file import AppendFile
from store.engine import Store
from store.modules import Process
from store.transitions import Outcome
from world.chance import Chance, SeededChance
from world.clock import About
from world.network import HostNetwork, Network

HOST: Final = "simulated"  # of processes that are on no other


@dataclass
class Disks:
    """What befalls files, and who hears of what is written to them."""

    is_journal_full: bool = False
    are_receipts_full: bool = False
    on_piece: list[Callable[[Path, bytes], None]] = field(default_factory=list)
    on_unwritten: list[Callable[[Sequence[Outcome]], None]] = field(default_factory=list)

    def piece_written(self, path: Path, piece: bytes) -> None:
        for each in self.on_piece:
            each(path, piece)

    def outcomes_unwritten(self, outcomes: Sequence[Outcome]) -> None:
        for each in self.on_unwritten:
            each(outcomes)


class Surroundings(Protocol):
    """What is there besides this process; ``Machines`` is it."""

    loop: SimulatedLoop
    wire: Wire
    shared: SharedStore
    seed: str
    epoch: float
    disks: "Disks"
    doors: dict[int, control.Handle]
    processes: dict[int, SimulatedProcess]

    hosts: dict[str, str]  # instance → the host that it runs on, if it is another one

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


@dataclass(frozen=True, slots=True)
class _SimulatedNetwork:
    """Loopback alone, of which some addresses may be missing."""

    machines: Surroundings
    allowed: HostNetwork

    def admit(self, address: str) -> str:
        return self.allowed.admit(address)

    def bind_error(self, address: str) -> OSError | None:
        if self.machines.wire.faults.is_missing(address):
            return OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return None


class SimulatedMachine:
    """One for each process."""

    def __init__(self, machines: Surroundings, process: SimulatedProcess) -> None:
        self._machines, self._process = machines, process
        self.clock = SimulatedClock(machines, process)
        instance = process.words[-1] if process.words[0] in ("mta", "worker") else ""
        self._host = machines.hosts.get(instance, HOST)
        process.is_elsewhere = self._host != HOST
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

    def append_file(self, path: Path, *, lines: bool) -> AppendFile:
        disks, process = self._machines.disks, self._process
        is_full, written = lambda: disks.are_receipts_full, disks.piece_written
        return SimulatedAppendFile(path, process, is_full, written, lines=lines)

    # --- what it is asked for --------------------------------------------------------------------

    def chance(self) -> Chance:
        return SeededChance(f"{self._machines.seed}/{self._process.name}/{self._process.pid}")

    def store_of(self, loaded: Loaded) -> Store:
        return SimulatedStore(self._machines.shared, self._process)

    def journal(self, stem: Path) -> Journal:
        disks, process = self._machines.disks, self._process
        is_full, unwritten = lambda: disks.is_journal_full, disks.outcomes_unwritten
        return SimulatedJournal(stem, process, is_full, unwritten)

    def network(self, loaded: Loaded) -> Network:
        allowed = HostNetwork.allowing(loaded.configuration.lab.allow_networks)
        return _SimulatedNetwork(self._machines, allowed)

    def this_process(self) -> Process:
        return Process(self._host, self._process.pid, 0)

    @contextlib.contextmanager
    def up_lock(self, directory: Path, *, ends_by_signal: bool) -> Iterator[None]:
        others = self._machines.processes.values()
        if any(
            each.words == self._process.words and each.state is not State.DEAD
            for each in others
            if each is not self._process
        ):
            raise LabIsUp(f"another `mtalab up` runs the lab in {directory}")
        directory.mkdir(parents=True, exist_ok=True)
        yield

    def is_orphan(self) -> bool:
        parent = self._process.parent
        return parent is not None and parent.state is State.DEAD

    def is_running(self, host: str, pid: int) -> bool | None:
        if host != self._host:
            return None
        return self._machines.is_running(host, pid)

    def is_stopped(self, pid: int) -> bool:
        return self._machines.is_stopped(pid)

    async def end_process(self, host: str, pid: int, started_by: float) -> bool:
        found = self._machines.processes.get(pid)
        if host != self._host:
            return False
        if found is not None and found.started_at <= started_by + 1.0:
            self._machines.kill(found)
        return True

    async def start_no_more(self) -> None:
        pass

    async def start(
        self,
        config: Path,
        words: Sequence[str],
        *,
        settled: Mapping[str, str],
        output: Path | None,
    ) -> Started:
        return self._machines.spawn(words, self._process)
