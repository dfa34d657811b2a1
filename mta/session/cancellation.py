"""A cancellation that was swallowed is heeded all the same."""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if the current task was asked to end and is still running.

    ``asyncio.wait_for``, on which aiosmtplib rests, forgets a cancellation that comes just as its
    result does, before Python 3.12.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
