"""The machine as the processes of a lab see it: the real one here, a simulated one in a simulation.

Whatever a process asks of its surroundings beyond the running loop comes through here, so that the
same services run as processes of their own and, all of them, in one loop with a time of its own.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from lab import lifetime
from lab.configuration import Loaded
from lab.nursery import asking
from lab.stores import store_of
from lab.up_lock import up_lock
from mta.journal import Journal
from sinks.listening import THIS_HOST, Sockets
from store.engine import Store
from store.modules import Process
from world.chance import Chance, SeededChance
from world.clock import Clock, SystemClock
from world.network import HostNetwork, Network


class Started(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        ...

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        ...

    def send_signal(self, signal: int, /) -> None: ...


class Machine(Protocol):
    """What one process may ask and do."""

    @property
    def clock(self) -> Clock: ...

    @property
    def sockets(self) -> Sockets:
        """Where sinks listen."""
        ...

    def chance(self) -> Chance:
        """New dice."""
        ...

    def store_of(self, loaded: Loaded) -> Store:
        """The lab's store, opened for this process; raises what ``lab.stores.store_of`` does."""
        ...

    def journal(self, stem: Path) -> Journal:
        """A new outcome journal."""
        ...

    def network(self, loaded: Loaded) -> Network:
        """Where this process may connect to and from."""
        ...

    def this_process(self) -> Process: ...

    def up_lock(self, directory: Path, *, ends_by_signal: bool) -> AbstractContextManager[None]:
        """As ``lab.up_lock.up_lock``."""
        ...

    def is_orphan(self) -> bool:
        """Whether the process that started this one is gone."""
        ...

    def is_running(self, host: str, pid: int) -> bool | None:
        """Whether a process runs; None: it is another host's, which nobody here can tell."""
        ...

    def is_stopped(self, pid: int) -> bool:
        """Whether a process was stopped by a signal (SIGSTOP, Ctrl-Z)."""
        ...

    async def end_process(self, host: str, pid: int, started_by: float) -> bool:
        """Kill -9 a process that ran at ``started_by``; False: it is another host's."""
        ...

    async def start_no_more(self) -> None:
        """Whoever started processes has seen their ends."""
        ...

    async def start(
        self,
        config: Path,
        words: Sequence[str],
        *,
        settled: Mapping[str, str],
        output: Path | None,
    ) -> Started:
        """Start this program again.

        Args:
            config: its configuration file.
            words: its command.
            settled: of its environment, besides ours.
            output: the file for its words; None: where ours go.

        Raises:
            OSError: no memory, no room for its words, too many processes.
        """
        ...


class ThisMachine:
    """The one that we run on."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.sockets = THIS_HOST
        self._nursery: asking.Asker | None = None
        self._nursing = asyncio.Lock()  # those who start at once share one
        # A child is told whose it is: that one may be gone before the child is far enough to look.
        self._parent = int(os.environ.get(lifetime.PARENT, os.getppid()))

    def chance(self) -> Chance:
        return SeededChance()

    def store_of(self, loaded: Loaded) -> Store:
        return store_of(loaded)

    def journal(self, stem: Path) -> Journal:
        return Journal(stem)

    def network(self, loaded: Loaded) -> Network:
        return HostNetwork.allowing(loaded.configuration.lab.allow_networks)

    def this_process(self) -> Process:
        return lifetime.this_process()

    def up_lock(self, directory: Path, *, ends_by_signal: bool) -> AbstractContextManager[None]:
        return up_lock(directory, ends_by_signal=ends_by_signal)

    def is_orphan(self) -> bool:
        return os.getppid() != self._parent

    def is_running(self, host: str, pid: int) -> bool | None:
        return lifetime.is_running(host, pid)

    def is_stopped(self, pid: int) -> bool:
        return lifetime.is_stopped(pid)

    async def end_process(self, host: str, pid: int, started_by: float) -> bool:
        return await lifetime.end_process(host, pid, started_by)

    async def start_no_more(self) -> None:
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            await nursery.close()

    async def start(
        self,
        config: Path,
        words: Sequence[str],
        *,
        settled: Mapping[str, str],
        output: Path | None,
    ) -> Started:
        if asking.IS_POSSIBLE:
            async with self._nursing:
                if self._nursery is None or self._nursery.is_gone:
                    self._nursery = await asking.new_asker()
            arguments = [*words, "--config", str(config)]
            return await self._nursery.start(arguments, {**os.environ, **settled}, output)
        # A session of its own: Ctrl-C reaches the supervisor alone, which stops in order.
        with contextlib.ExitStack() as files:
            said = None if output is None else files.enter_context(output.open("ab"))
            return await asyncio.create_subprocess_exec(
                *command_line(config, *words),
                start_new_session=True,
                env={**os.environ, **settled, lifetime.PARENT: str(os.getpid())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )


def command_line(config: Path, *words: str) -> list[str]:
    """How this program starts itself; ``-P`` keeps the user's folder out of the import path."""
    return [sys.executable, "-P", "-m", "lab", *words, "--config", str(config)]
