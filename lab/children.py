"""Child processes kept running: started, watched, started again with growing pauses, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lab.lifetime import PARENT
from world.clock import Clock
from world.crash import reach
from world.log import Log

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
HEALTHY_AFTER_S: Final = 10.0  # a child that ran this long starts again without a pause

Ended = Callable[[int, int], Awaitable[None]]  # pid, exit code (negative: signal)


def command_line(config: Path, *words: str) -> list[str]:
    """How this program starts itself; ``-P`` keeps the user's folder out of the import path."""
    return [sys.executable, "-P", "-m", "lab", *words, "--config", str(config)]


class Child:
    """One child process; ``run`` keeps it running until ``stop``."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        clock: Clock,
        *,
        log: Log,
        ended: Ended | None = None,
        output: Path | None = None,
        settled: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._clock = clock
        self._log = log
        self._ended = ended
        self._output = output  # where its words go; None: where ours go
        self._settled = settled or {}  # of its environment, besides ours
        self._process: asyncio.subprocess.Process | None = None
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
            # A session of its own: Ctrl-C reaches the supervisor alone, which stops in order.
            with contextlib.ExitStack() as files:
                output = None
                if self._output is not None:
                    output = files.enter_context(self._output.open("ab"))
                self._process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    start_new_session=True,
                    env={**os.environ, **self._settled, PARENT: str(os.getpid())},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            pid = self._process.pid
            reach("supervisor.starting")
            if self._stopping.is_set():  # since it was being started
                self.signal(signal.SIGTERM)
            code = await self._process.wait()
            self._process = None
            if self._ended is not None:
                await self._ended(pid, code)
            if self._stopping.is_set():
                return
            if self._clock.monotonic() - started > HEALTHY_AFTER_S:
                pause = FIRST_PAUSE_S
            self._log.warning(
                "child_ended",
                note=f"{self.name} (pid {pid}) {_how(code)}; starting it again in {pause:g} s",
                child=self.name,
                child_pid=pid,
                code=code,
                again_in_s=pause,
            )
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def stop(self, grace_s: float) -> None:
        """Ask it to stop, and kill it when it has not after ``grace_s`` seconds."""
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
            os.kill(self._process.pid, number)


def _how(code: int) -> str:
    if code == 2:
        return "cannot run as configured (exit code 2)"
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"
