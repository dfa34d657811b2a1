"""Faults on command: each is one small value that begins and, if it lasts, ends.

Processes are named as ``is_called`` knows them (``scheduler``, ``worker of mta@x``, ``all of x``);
one that is started while a fault lasts has it too. Places are ``address:port``, an
address with all its ports, or ``*``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Protocol

from lab.simulation.machines import is_called
from lab.simulation.process import SimulatedProcess
from lab.simulation.simulation import Simulation
from lab.simulation.wire import Destination


class Fault(Protocol):
    """Something that goes wrong, and perhaps right again; ``end`` is safe without ``begin``."""

    def begin(self, sim: Simulation) -> None: ...

    def end(self, sim: Simulation) -> None: ...


class _Once:
    """What is done at one instant."""

    def end(self, sim: Simulation) -> None:
        """It is over already."""


def _chosen(sim: Simulation, process: str, which: int | None) -> Iterator[SimulatedProcess]:
    """One of the living processes of this name, counted round; all without a number."""
    living = sim.machines.living(process)
    if which is None or process.startswith("all of "):
        yield from living
    elif living:
        yield living[which % len(living)]


@dataclass(frozen=True, slots=True)
class Kill(_Once):
    """SIGKILL, now."""

    process: str
    which: int | None = None

    def begin(self, sim: Simulation) -> None:
        for each in _chosen(sim, self.process, self.which):
            sim.machines.kill(each)


@dataclass(frozen=True, slots=True)
class KillAtStep(_Once):
    """SIGKILL after so many more of its callbacks: at any await.

    How many callbacks a thing takes is Python's business: by another version it dies elsewhere.
    """

    process: str
    steps: int
    which: int | None = 0

    def begin(self, sim: Simulation) -> None:
        for each in _chosen(sim, self.process, self.which):
            each.fuse = max(1, self.steps)


class _AtPoint:
    """Kills whoever reaches a point for the nth time, once."""

    def __init__(self, point: str, nth: int) -> None:
        self._point, self._left = point, nth

    def __call__(self, point: str, _process: SimulatedProcess) -> bool:
        self._left -= point == self._point
        return point == self._point and self._left == 0


@dataclass(frozen=True, slots=True)
class KillAtPoint(_Once):
    """SIGKILL at a named point of ``world.crash``, the nth time that anybody reaches it."""

    point: str
    nth: int = 1

    def begin(self, sim: Simulation) -> None:
        sim.machines.on_point.append(_AtPoint(self.point, self.nth))


@dataclass(frozen=True, slots=True)
class Stall:
    """SIGSTOP, and SIGCONT when it ends: perhaps after its lease."""

    process: str
    which: int | None = None

    def begin(self, sim: Simulation) -> None:
        for each in _chosen(sim, self.process, self.which):
            sim.machines.stop(each)

    def end(self, sim: Simulation) -> None:
        for each in sim.machines.living(self.process):
            sim.machines.resume(each)


@dataclass(frozen=True, slots=True)
class _Ill:
    """Afflicts processes of a name, those that are started meanwhile among them."""

    process: str

    def _set(self, process: SimulatedProcess, *, is_ill: bool) -> None:
        raise NotImplementedError

    def afflict(self, process: SimulatedProcess) -> None:
        """Called for each that is started."""
        if is_called(process, self.process):
            self._set(process, is_ill=True)

    def begin(self, sim: Simulation) -> None:
        sim.machines.on_spawn.append(self.afflict)
        self._all(sim, is_ill=True)

    def end(self, sim: Simulation) -> None:
        if self.afflict in sim.machines.on_spawn:
            sim.machines.on_spawn.remove(self.afflict)
        self._all(sim, is_ill=False)

    def _all(self, sim: Simulation, *, is_ill: bool) -> None:
        for each in sim.machines.living(self.process):
            self._set(each, is_ill=is_ill)
        sim.machines.trouble()


@dataclass(frozen=True, slots=True)
class Partition(_Ill):
    """It reaches the store no more."""

    def _set(self, process: SimulatedProcess, *, is_ill: bool) -> None:
        process.is_cut_off = is_ill


@dataclass(frozen=True, slots=True)
class ClockSkew(_Ill):
    """Its wall clock is wrong by so much; its monotonic clock is as good as ever."""

    by_s: float = 0.0

    def _set(self, process: SimulatedProcess, *, is_ill: bool) -> None:
        process.skew_s = self.by_s if is_ill else 0.0


@dataclass(frozen=True, slots=True)
class Reset(_Once):
    """All connections to a place are lost (RST)."""

    place: str = "*"

    def begin(self, sim: Simulation) -> None:
        sim.wire.reset(self.place)


@dataclass(frozen=True, slots=True)
class _Way:
    """Changes what befalls connections to a place."""

    place: str = "*"

    def _set(self, here: Destination, *, is_ill: bool) -> None:
        raise NotImplementedError

    def begin(self, sim: Simulation) -> None:
        self._set(sim.wire.faults.place(self.place), is_ill=True)

    def end(self, sim: Simulation) -> None:
        self._set(sim.wire.faults.place(self.place), is_ill=False)


@dataclass(frozen=True, slots=True)
class Silence(_Way):
    """Half-open connections: nothing arrives, either way, and nobody is told."""

    def _set(self, here: Destination, *, is_ill: bool) -> None:
        here.is_silent = is_ill


@dataclass(frozen=True, slots=True)
class Refusing(_Way):
    """Nobody listens there."""

    def _set(self, here: Destination, *, is_ill: bool) -> None:
        here.is_refusing = is_ill


@dataclass(frozen=True, slots=True)
class Latency(_Way):
    """Each segment takes longer."""

    extra_s: float = 0.2

    def _set(self, here: Destination, *, is_ill: bool) -> None:
        here.extra_s = self.extra_s if is_ill else 0.0


@dataclass(frozen=True, slots=True)
class Loss(_Way):
    """Each segment may be the one by which its connection is lost."""

    chance: float = 0.02

    def _set(self, here: Destination, *, is_ill: bool) -> None:
        here.loss = self.chance if is_ill else 0.0


@dataclass(frozen=True, slots=True)
class MissingIp:
    """The host has not got this address."""

    ip: str

    def begin(self, sim: Simulation) -> None:
        sim.wire.faults.missing_ips.add(self.ip)

    def end(self, sim: Simulation) -> None:
        sim.wire.faults.missing_ips.discard(self.ip)


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Nothing more can be written to the journals, the sinks' files or the store."""

    disk: Literal["journal", "receipts", "store"] = "store"

    def begin(self, sim: Simulation) -> None:
        self._set(sim, is_full=True)

    def end(self, sim: Simulation) -> None:
        self._set(sim, is_full=False)

    def _set(self, sim: Simulation, *, is_full: bool) -> None:
        match self.disk:
            case "journal":
                sim.machines.disks.is_journal_full = is_full
            case "receipts":
                sim.machines.disks.are_receipts_full = is_full
            case "store":
                sim.shared.is_full = is_full
        sim.machines.trouble()


@dataclass(frozen=True, slots=True)
class SlowStore:
    """Each operation of the store takes up to so long before and after it is done."""

    up_to_s: float = 0.05

    def begin(self, sim: Simulation) -> None:
        sim.shared.slowness_s = self.up_to_s

    def end(self, sim: Simulation) -> None:
        sim.shared.slowness_s = 0.0


FAULTS: Final[Mapping[str, Callable[..., Fault]]] = {
    "kill": Kill,
    "kill_at_step": KillAtStep,
    "kill_at_point": KillAtPoint,
    "stall": Stall,
    "partition": Partition,
    "clock_skew": ClockSkew,
    "reset": Reset,
    "silence": Silence,
    "refusing": Refusing,
    "latency": Latency,
    "loss": Loss,
    "missing_ip": MissingIp,
    "disk_full": DiskFull,
    "slow_store": SlowStore,
}


def fault(do: str, given: Mapping[str, Any]) -> Fault:
    """The fault of this name with these fields."""
    kind: Any = FAULTS[do]
    known = {each.name for each in fields(kind)}
    return FAULTS[do](**{name: value for name, value in given.items() if name in known})
