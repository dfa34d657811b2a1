"""How long a process of the lab lives: until it is told to stop, or its parent is gone."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import psutil

from store.modules import Process
from world.clock import Clock

PARENT: Final = "MTALAB_PARENT"  # in a child's environment: whose child it is
_ORPHAN_CHECK_S: Final = 0.5
_CLOCK_STEP_S: Final = 1.0  # the kernel's start times are reckoned from the boot time


async def until_told_to_stop(
    clock: Clock | None = None, is_orphan: Callable[[], bool] = lambda: False
) -> None:
    """Return on SIGTERM or SIGINT, and soon after ``is_orphan`` says that the parent has ended.

    A child that outlived a killed supervisor would go on sending with nobody to clear up after it.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        if clock is None:
            await told.wait()
            return
        while not (told.is_set() or is_orphan()):
            await clock.doze(_ORPHAN_CHECK_S, told, about="machine")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def this_process() -> Process:
    """Where this process runs and what it weighs (resident set)."""
    return Process(socket.gethostname(), os.getpid(), psutil.Process().memory_info().rss)


def this_user() -> str:
    """The account that this process runs as, for the audit."""
    return psutil.Process().username()


def is_running(host: str, pid: int) -> bool | None:
    """Whether a process of this host runs; None for another host's, which nobody here can tell."""
    if host != socket.gethostname():
        return None
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_stopped(pid: int) -> bool:
    """Whether a process of this host was stopped by a signal (SIGSTOP, Ctrl-Z)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


class _ThisMachine:
    is_running = staticmethod(is_running)
    is_stopped = staticmethod(is_stopped)


THIS_MACHINE: Final = _ThisMachine()


async def end_process(host: str, pid: int, started_by: float) -> bool:
    """Kill -9 a process of this host that ran at ``started_by`` (epoch seconds), and see it gone.

    A younger process of the same number is another one and is left alone. Returns False for
    another host's process, which nobody here can end.
    """
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(pid)
        if process.create_time() > started_by + _CLOCK_STEP_S:
            return True
        process.kill()
        for _ in range(500):  # one that hangs in the kernel is left to the store's fence
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                break
            await asyncio.sleep(0.01)
    except psutil.NoSuchProcess:
        pass
    return True


async def to_the_end(work: Awaitable[object]) -> None:
    """Wait for work that has to be done whole; a cancellation meanwhile is raised after it."""
    task = asyncio.ensure_future(work)  # noqa: TID251 - a TaskGroup would cancel it
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait until one of these ends and cancel the others; what failed is raised."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_as_coroutine(each)) for each in waits]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for each in running:
            each.cancel()


async def _as_coroutine(wait: Awaitable[object]) -> None:
    await wait
