"""The store as one simulated process has it: shared with the others, sometimes out of reach."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from lab.simulation.dozing import Dozing
from lab.simulation.process import ProcessGone, SimulatedProcess, State
from store import leases, modules, reports
from store.engine import Operation, Store, Tx
from store.errors import StoreUnavailable
from world.chance import Chance

P = ParamSpec("P")
T = TypeVar("T")

HEARTBEATS: Final[frozenset[object]] = frozenset(
    (reports.beat, modules.beat_instance, modules.beat_module)
)
PUNCTUAL_S: Final = 2.5  # between two heartbeats; the slowest are due every two seconds


@dataclass
class SharedStore:
    """What all processes share of the store."""

    store: Store
    dozing: Dozing
    time: Callable[[], float]
    chance: Chance
    leader: SimulatedProcess | None = None
    is_full: bool = False  # its disk
    lends_nothing: bool = False  # a scheduler with a bug
    slowness_s: float = 0.0  # an operation takes up to this long before and after
    # What was written and by whom; None: the experimenter.
    on_write: list[Callable[[object, SimulatedProcess | None], None]] = field(default_factory=list)
    beats: dict[object, float] = field(default_factory=dict)
    heard: dict[int, float] = field(default_factory=dict)  # pid → what its last beat calls now

    def written(self, operation: object, process: SimulatedProcess | None) -> None:
        if process is not None and operation in HEARTBEATS:
            key, now = (operation, process.pid), self.time()
            is_punctual = now - self.beats.get(key, now) <= PUNCTUAL_S
            self.beats[key] = now
            if is_punctual:
                return
        self.dozing.changed("store")
        for each in self.on_write:
            each(operation, process)


class SimulatedStore(Store):
    """The store of one process."""

    def __init__(self, shared: SharedStore, process: SimulatedProcess) -> None:
        # Not Store's own: the engine is everybody's, and there is no thread.
        self._shared, self._process = shared, process
        self.url, self.dialect = shared.store.url, shared.store.dialect
        self.engine, self.writing = shared.store.engine, shared.store.writing

    def read_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._reach()
        return self._shared.store.read_now(operation, *args, **kwargs)

    def write_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._reach()
        if self._shared.is_full:
            raise StoreUnavailable("the store cannot be used: database or disk is full")
        if self._shared.lends_nothing and operation is leases.lease_as_leader:
            nothing: Any = 0
            return cast("T", nothing)
        found = self._shared.store.write_now(operation, *args, **kwargs)
        if operation is reports.beat:
            _worker, _memory, _leases, now, *_ = cast("tuple[Any, ...]", args)
            self._shared.heard[self._process.pid] = now
        self._shared.written(operation, self._process)
        return found

    def _reach(self) -> None:
        if self._process.state is State.DEAD:
            raise ProcessGone
        if self._process.is_cut_off:
            raise StoreUnavailable("the store cannot be used: no connection to it")

    async def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._slowly(self.read_now, operation, *args, **kwargs)

    async def read_apart(
        self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._slowly(self.read_now, operation, *args, **kwargs)

    async def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._slowly(self.write_now, operation, *args, **kwargs)

    async def _slowly(
        self, call: Callable[Concatenate[Callable[Concatenate[Tx, P], T], P], T],
        operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs,
    ) -> T:  # fmt: skip
        slowness = self._shared.slowness_s
        if not slowness:
            return call(operation, *args, **kwargs)
        # Others run between the wish and the deed, and between the deed and the news of it.
        await asyncio.sleep(self._shared.chance.uniform(0, slowness))
        found = call(operation, *args, **kwargs)
        await asyncio.sleep(self._shared.chance.uniform(0, slowness))
        return found

    def watch(self) -> "SimulatedWatch":
        self._reach()
        return SimulatedWatch(self._shared)

    def try_lead(self) -> "SimulatedLeadership | None":
        self._reach()
        leader = self._shared.leader
        if leader is not None and leader.state is not State.DEAD and leader is not self._process:
            return None
        self._shared.leader = self._process
        return SimulatedLeadership(self._shared, self._process)

    def close(self) -> None:
        """The engine is everybody's."""


class SimulatedWatch:
    """Knows of each write but punctual heartbeats, which change nothing for who looks."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared
        self._seen = -1
        self._file = shared.store.watch()

    def has_changed(self) -> bool:
        before, self._seen = self._seen, self._shared.dozing.changes["store"]
        return before != self._seen

    def has_any(self, table: Any, column: str, value: Any) -> bool:
        return self._file.has_any(table, column, value)

    def close(self) -> None:
        """Its connection is everybody's."""


class SimulatedLeadership:
    """Held until it is given back or the process dies."""

    def __init__(self, shared: SharedStore, process: SimulatedProcess) -> None:
        self._shared, self._process = shared, process

    def is_held(self) -> bool:
        return self._shared.leader is self._process

    def release(self) -> None:
        if self._shared.leader is self._process:
            self._shared.leader = None
            self._shared.dozing.changed("store")
