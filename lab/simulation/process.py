"""A simulated process: what runs on its behalf, and what becomes of that when it is killed.

Every callback of the loop belongs to the process in whose context it was asked for. Those of a
dead process are never run again, as if the processor had left it between two instructions: no
``finally`` block, no handler, no last write. Those of a stopped one (SIGSTOP) wait until it goes
on.
"""

import asyncio
import signal
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class State(StrEnum):
    """Of a process."""

    RUNNING = "running"
    STOPPED = "stopped"
    DEAD = "dead"


class ProcessGone(BaseException):
    """A dead process would have gone on: what is left of it is being cleared away."""


class Closable(Protocol):
    """What the kernel closes with a process."""

    def close_by_kernel(self) -> None: ...


@dataclass(eq=False)
class SimulatedProcess:
    """One process; ``pid`` is its number in the simulation."""

    pid: int
    name: str
    words: tuple[str, ...]
    parent: "SimulatedProcess | None"
    started_at: float  # epoch seconds
    ended: asyncio.Future[int]
    state: State = State.RUNNING
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    held_back: list[asyncio.Handle] = field(default_factory=list)
    handlers: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=dict)
    open: dict[int, Closable] = field(default_factory=dict)  # by id, in the order of opening
    is_cut_off: bool = False  # from the store
    fuse: int = 0  # it is killed after so many more callbacks; 0: it is not
    skew_s: float = 0.0  # of its wall clock
    is_elsewhere: bool = False  # on another host
    dies_at: str | None = None  # a point of ``world.crash``
    stopped_at: float = 0.0  # the loop's time, the last time that it was
    resumed_at: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether its heartbeats reach the store in time."""
        return self.state is State.RUNNING and not self.is_cut_off

    @property
    def returncode(self) -> int | None:
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def send_signal(self, signal: int, /) -> None:
        self.on_signal(self, signal)

    on_signal: Callable[["SimulatedProcess", int], None] = field(default=lambda *_: None)

    def die(self, code: int) -> None:
        """End now; what it had open is closed by the kernel."""
        if self.state is State.DEAD:
            return
        self.state = State.DEAD
        self.held_back.clear()
        self.handlers.clear()
        for each in list(self.open.values()):
            each.close_by_kernel()
        self.open.clear()
        if not self.ended.done():
            self.ended.set_result(code)


def killed_by(number: int) -> int:
    """The exit code of a process that a signal ended."""
    return -signal.Signals(number).value


CURRENT: ContextVar[SimulatedProcess | None] = ContextVar("simulated_process", default=None)


def current() -> SimulatedProcess:
    """The process in whose name this runs."""
    found = CURRENT.get()
    assert found is not None, "only a simulated process asks its machine"
    return found
