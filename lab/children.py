"""Child processes kept running: started, watched, started again with growing pauses, stopped."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from lab.machine import Started
from world.clock import Clock
from world.crash import reach
from world.log import Log

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
SETTLES_IN_S: Final = 1.0  # who ends of its own will may have read the news before its parent
HEALTHY_AFTER_S: Final = 10.0  # a child that ran this long starts again without a pause

Start = Callable[[], Awaitable[Started]]
Ended = Callable[[int, int], Awaitable[None]]  # pid, exit code (negative: signal)


class Child:
    """One child process; ``run`` keeps it running until ``stop``."""

    def __init__(
        self,
        name: str,
        start: Start,
        clock: Clock,
        *,
        log: Log,
        ended: Ended | None = None,
    ) -> None:
        self.name = name
        self._start = start
        self._clock = clock
        self._log = log
        self._ended = ended
        self._process: Started | None = None
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()  # ``run`` has ended
        self.started_at = 0.0  # of this process; an older one may have had its number

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def run(self) -> None:
        """Start and restart it; returns when it was stopped.

        One that refuses its configuration (exit code 2) is no exception: it read the file while
        that was wrong, and its parent, which reads it too, has or will have a better one.
        """
        try:
            await self._keep_running()
        finally:
            self._over.set()

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            self.started_at = self._clock.now()
            try:
                process = self._process = await self._start()
            except OSError as error:  # no memory, no room for its words, too many processes
                self._log.warning(
                    "child_not_started",
                    note=f"{self.name} cannot be started: {error}; trying again in {pause:g} s",
                    child=self.name,
                    again_in_s=pause,
                )
            else:
                code = await self._live(process)
                if self._stopping.is_set() or (code == 0 and await self._is_stopped(SETTLES_IN_S)):
                    return
                if self._clock.monotonic() - started > HEALTHY_AFTER_S:
                    pause = FIRST_PAUSE_S
                self._log.warning(
                    "child_ended",
                    note=f"{self.name} (pid {process.pid}) {_how(code)}; "
                    f"starting it again in {pause:g} s",
                    child=self.name,
                    child_pid=process.pid,
                    code=code,
                    again_in_s=pause,
                )
            if not await self._is_stopped(pause):
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _live(self, process: Started) -> int:
        """Wait for its end; returns the exit code."""
        reach("supervisor.starting")
        if self._stopping.is_set():  # since it was being started
            self.signal(signal.SIGTERM)
        code = await process.wait()
        self._process = None
        if self._ended is not None:
            await self._ended(process.pid, code)
        return code

    async def _is_stopped(self, within_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), within_s)
        return self._stopping.is_set()

    async def stop(self, grace_s: float) -> None:
        """Ask it to stop, and kill it when it has not after ``grace_s`` seconds.

        Safe to call twice: it is asked once, since a second SIGTERM ends who is already leaving.
        """
        if not self._stopping.is_set():
            self._stopping.set()
            self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._ended_whole(), grace_s)
        except TimeoutError:
            self._log.warning(
                "child_killed",
                note=f"{self.name} (pid {self.pid}) did not stop in {grace_s:g} s: killed",
                child=self.name,
                child_pid=self.pid,
            )
            self.signal(signal.SIGKILL)

    async def _ended_whole(self) -> None:
        await self._over.wait()
        if self._process is not None:  # ``run`` was cancelled before it
            await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)


class Leaving:
    """Children that were told to go and take their time; their owner does not end before them."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._children: set[Child] = set()

    async def see_off(self, child: Child) -> None:
        """Stop one that its owner does not count among its own any more."""
        self._children.add(child)
        await child.stop(self._grace_s)
        self._children.discard(child)  # not if we were cancelled: it still lives

    @property
    def still(self) -> frozenset[Child]:
        """Those that have not gone yet."""
        return frozenset(self._children)


def _how(code: int) -> str:
    if code == 2:
        return "cannot run as configured (exit code 2)"
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"
