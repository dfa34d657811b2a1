"""A cancellation that was swallowed is heeded all the same."""

import asyncio
from typing import Final

_CUT_AGAIN_S: Final = 0.05


def heed_cancellation() -> None:
    """Raise CancelledError if the current task was asked to end and is still running.

    ``asyncio.wait_for``, on which aiosmtplib rests, forgets a cancellation that comes just as its
    result does, before Python 3.12.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def cut_off(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until it is heeded."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_CUT_AGAIN_S)
