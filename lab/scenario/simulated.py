"""A scenario's lab in the simulation."""

import contextlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from lab.configuration import Loaded, load
from lab.host_facts import host_facts
from lab.kept import mark
from lab.scenario.acts import Network
from lab.scenario.errors import NoSuchProcess
from lab.scenario.surroundings import Mode
from lab.simulation.process import SimulatedProcess
from lab.simulation.simulation import NO_PAGE, Simulation, simulated
from monitor.why.host import HostFacts
from store.copies import keep
from store.engine import Store
from world.chance import SeededChance
from world.clock import Clock

_STOPS_WITHIN_S: Final = 60.0
_NAMES: Final[Mapping[str, str]] = {"sinks": "sink"}  # of a module → of its command


class SimulatedLab:
    """All of it is in this process; time is what ``until`` says."""

    mode: Mode = "simulated"

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._machines = simulation.machines
        self.chance = SeededChance(f"{simulation.seed}/scenario")

    @property
    def store(self) -> Store:
        return self._simulation.store

    @property
    def loaded(self) -> Loaded:
        return self._machines.loaded

    @property
    def clock(self) -> Clock:
        return self._machines.clock

    @property
    def beginning(self) -> float:
        return self._simulation.epoch

    def wrote(self) -> None:
        self._simulation.wrote()

    async def until(self, elapsed_s: float) -> None:
        await self._simulation.until(elapsed_s)

    async def up(self) -> None:
        if not self._machines.living("up"):
            self._simulation.start()

    async def down(self) -> None:
        for process in self._machines.living("up"):
            process.send_signal(signal.SIGTERM)
            await process.wait()

    # --- upon the machine ------------------------------------------------------------------------

    def _process(self, what: str) -> SimulatedProcess:
        found = self._machines.living(_NAMES.get(what, what))
        if not found:
            living = sorted({each.name for each in self._machines.processes.values()})
            raise NoSuchProcess(
                f"no {what} runs at {self._simulation.loop.time():g} s",
                remedy=f"There were: {', '.join(living) or 'none yet'}.",
            )
        return found[0]

    def kill(self, what: str, point: str | None) -> None:
        process = self._process(what)
        if point is None:
            self._machines.kill(process)
        else:
            self._machines.kill_at(process, point)

    def stall(self, what: str) -> None:
        self._machines.stop(self._process(what))

    def go_on(self, what: str) -> None:
        self._machines.resume(self._process(what))

    def cut_off(self, what: str, *, is_cut: bool) -> None:
        self._process(what).is_cut_off = is_cut
        self._machines.trouble()

    def skew(self, what: str, by_s: float) -> None:
        self._process(what).skew_s += by_s
        self._machines.trouble()

    def fill_disk(self, of: str, *, is_full: bool) -> None:
        if of == "store":
            self._simulation.shared.is_full = is_full
        else:
            self._machines.disks.is_journal_full = is_full
        self._machines.trouble()

    def lose_ip(self, address: str, *, is_lost: bool) -> None:
        missing = self._simulation.wire.faults.missing_ips
        (missing.add if is_lost else missing.discard)(address)
        self._machines.trouble()

    def network(self, act: Network) -> None:
        wire = self._simulation.wire
        place = wire.faults.place(act.place)
        match act.is_:
            case "healed":
                del wire.faults.at[act.place]
            case "silent":
                place.is_silent = True
            case "refusing":
                place.is_refusing = True
            case "reset":
                wire.reset(act.place)
            case "slow":
                place.extra_s = act.latency
            case "lossy":
                place.loss = act.share
        self._machines.trouble()

    def lend_nothing(self, *, is_so: bool) -> None:
        self._simulation.shared.lends_nothing = is_so
        self._machines.trouble()

    def become(self, sink: str, personality: str) -> None:
        own = self.loaded.configuration.personality
        request = {
            "do": "set",
            "sink": sink,
            "personality": personality,
            "personalities": {name: each.model_dump(mode="json") for name, each in own.items()},
        }
        self._machines.doors[self._process("sinks").pid](request)

    async def configure(self, topology: Mapping[str, Any]) -> None:
        path = self.loaded.path
        path.write_text(tomli_w.dumps(topology), encoding="utf-8")
        self._machines.reconfigure(load(path, {}, NO_PAGE))

    # --- what came of it -------------------------------------------------------------------------

    def host_facts(self) -> HostFacts:
        return host_facts(self.store, self.clock.now(), self._machines, self._trouble)

    def _trouble(self, _store: Store) -> str | None:
        is_full = self._simulation.shared.is_full
        return "the store cannot be used: database or disk is full" if is_full else None

    def complaints(self) -> Sequence[str]:
        return [
            f"{each.name} ended by {each.error!r} at {each.at:.3f} s"
            for each in self._machines.crashes
        ]

    def digest(self) -> str:
        return self._simulation.digest()

    def keep(self) -> None:
        """Leave the store in a file, so that every command can look at this lab."""
        self.loaded.directory.mkdir(parents=True, exist_ok=True)
        keep(self.store, self.loaded.directory / "lab.db")
        mark(self.loaded.directory, self.clock.now())


@contextlib.contextmanager
def simulated_lab(
    topology: Mapping[str, Any],
    *,
    seed: str,
    epoch: float,
    tick_s: float,
    folder: Path | None = None,
) -> Iterator[tuple[Simulation, SimulatedLab]]:
    """A lab of this configuration; nothing of it runs yet."""
    text = tomli_w.dumps(topology)
    with simulated(text, seed=seed, epoch=epoch, tick_s=tick_s, folder=folder) as simulation:
        yield simulation, SimulatedLab(simulation)
