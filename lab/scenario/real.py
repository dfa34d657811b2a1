"""A scenario's lab on real processes and sockets, in real time."""

import asyncio
import contextlib
import os
import resource
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import psutil
import tomli_w

from lab.applying import apply
from lab.background import Running
from lab.configuration import FILE, Loaded, load
from lab.host_facts import host_facts
from lab.scenario.acts import Network
from lab.scenario.errors import NoFreePort, NoSuchProcess, NotInThisMode
from lab.scenario.folders import folder_for
from lab.scenario.outcome import Outcome
from lab.scenario.ports import ports_for, with_ports
from lab.scenario.read import Case
from lab.scenario.runner import Run, Told
from lab.scenario.surroundings import Mode
from lab.stores import store_of
from mail.errors import MtalabError
from monitor.why.host import HostFacts
from sinks.control import ask
from store import modules
from store.engine import Store
from world.chance import SeededChance
from world.clock import Clock

READY_WITHIN_S: Final = 60.0
FOLLOWS_WITHIN_S: Final = 30.0


class RealLab:
    """Its processes are children of this one."""

    mode: Mode = "real"

    def __init__(self, loaded: Loaded, clock: Clock, ports: Mapping[str, str]) -> None:
        self._loaded, self._clock, self._ports = loaded, clock, ports
        self._store = store_of(loaded)
        self.chance = SeededChance()
        self._running: Running | None = None
        self._beginning: float | None = None
        self._is_full = False

    @property
    def store(self) -> Store:
        return self._store

    @property
    def loaded(self) -> Loaded:
        return self._loaded

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def beginning(self) -> float:
        """When it was up for the first time, or was first asked for: starting it takes its time."""
        if self._beginning is None:
            self._beginning = self._clock.now()
        return self._beginning

    def wrote(self) -> None:
        """They look for themselves."""

    async def until(self, elapsed_s: float) -> None:
        await asyncio.sleep(self.beginning + elapsed_s - self._clock.now())

    async def up(self) -> None:
        if self._running is None:
            self._running = Running(self._loaded)
            self._running.start(self._store, READY_WITHIN_S)  # nothing else runs in this loop
        _ = self.beginning

    async def down(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    # --- upon the machine ------------------------------------------------------------------------

    def _pid(self, what: str) -> int:
        for name, pid in self._processes():
            if name == what:
                return pid
        names = sorted({name for name, _ in self._processes()})
        raise NoSuchProcess(f"no {what} runs", remedy=f"These do: {', '.join(names) or 'none'}.")

    def _processes(self) -> Iterator[tuple[str, int]]:
        for module in self._store.read_now(modules.modules):
            if module.stopped_at is None:
                yield module.name, module.pid
        for instance in self._store.read_now(modules.instances):
            if instance.stopped_at is None:
                yield f"mta@{instance.name}", instance.pid
        for worker in self._store.read_now(modules.live_workers):
            yield f"worker of mta@{worker.instance}", worker.pid

    def _signal(self, what: str, number: signal.Signals) -> None:
        os.kill(self._pid(what), number)

    def kill(self, what: str, point: str | None) -> None:
        if point is not None:
            _impossible("kill at a point")
        self._signal(what, signal.SIGKILL)

    def stall(self, what: str) -> None:
        self._signal(what, signal.SIGSTOP)

    def go_on(self, what: str) -> None:
        self._signal(what, signal.SIGCONT)

    def cut_off(self, what: str, *, is_cut: bool) -> None:
        _impossible(f"cut {what} off from its store" if is_cut else f"let {what} rejoin")

    def skew(self, what: str, by_s: float) -> None:
        _impossible(f"set the clock of {what} by {by_s:g} s")

    def fill_disk(self, of: str, *, is_full: bool) -> None:
        """No file of those who send grows, nor of ours: to them the disk is full."""
        if not hasattr(psutil.Process, "rlimit"):
            _impossible(f"{'fill' if is_full else 'free'} the disk of the {of} on this system")
        ours = 0 if is_full else resource.RLIM_INFINITY
        for name, pid in self._processes():
            if name != modules.SINKS:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    process.rlimit(psutil.RLIMIT_FSIZE, (ours, resource.RLIM_INFINITY))
        self._is_full = is_full

    def lose_ip(self, address: str, *, is_lost: bool) -> None:
        _impossible(f"{'remove' if is_lost else 'add'} the address {address}")

    def network(self, act: Network) -> None:
        _impossible(f"make the network {act.is_}")

    def lend_nothing(self, *, is_so: bool) -> None:
        _impossible(f"play a bug, {is_so}")

    def become(self, sink: str, personality: str) -> None:
        request = {"do": "set", "sink": sink, "personality": personality}
        ask(self._loaded.directory, request)

    async def configure(self, topology: Mapping[str, Any]) -> None:
        path = self._loaded.path
        path.write_text(tomli_w.dumps(with_ports(topology, self._ports)), encoding="utf-8")
        self._loaded = load(path, {})
        await apply(self._loaded, self._clock, FOLLOWS_WITHIN_S)

    # --- what came of it -------------------------------------------------------------------------

    def host_facts(self) -> HostFacts:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if self._is_full:  # to us too, or we should find nothing wrong
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            return host_facts(self._store, self._clock.now())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def complaints(self) -> Sequence[str]:
        return ()

    def digest(self) -> None:
        """Real time is never the same."""

    def close(self) -> None:
        self._store.close()


def _impossible(what: str) -> NoReturn:
    raise NotInThisMode(f"nobody can {what} for real", remedy="Run it with --simulate.")


@contextlib.contextmanager
def real_lab(
    topology: Mapping[str, Any], clock: Clock, *, folder: Path | None = None
) -> Iterator[RealLab]:
    """A lab of this configuration on ports that are free; nothing of it runs yet.

    Raises:
        NoFreePort: an address that it is to listen on is not this machine's.
    """
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mtalab-")))
        try:
            ports = ports_for(topology)
        except OSError as error:
            raise NoFreePort(
                f"no free port for one of the addresses to listen on: {error.strerror}",
                remedy="Use addresses of this machine; on Linux all of 127.0.0.0/8 are.",
            ) from error
        file = place / FILE
        file.write_text(tomli_w.dumps(with_ports(topology, ports)), encoding="utf-8")
        lab = RealLab(load(file, {}), clock, ports)
        stack.callback(lab.close)
        yield lab


def run_for_real(case: Case, clock: Clock, *, seed: int, keep: Path | None, told: Told) -> Outcome:
    """One run on this machine."""
    began = clock.monotonic()
    folder = None if keep is None else folder_for(keep, case.name)
    with real_lab(case.topology, clock, folder=folder) as lab:
        run = Run(case, lab, told)
        error = None
        try:
            asyncio.run(_played(run, lab))
        except MtalabError as found:
            error = found
        return run.outcome(wall_s=clock.monotonic() - began, seed=seed, error=error, kept=folder)


async def _played(run: Run, lab: RealLab) -> None:
    try:
        await run.play()
    finally:
        await lab.down()
