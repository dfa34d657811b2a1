"""A server in an event loop and thread of its own, for clients that block."""

import asyncio
import contextlib
import threading

import uvloop

WITHIN_S = 30.0


@contextlib.contextmanager
def in_thread(main):
    """Run the asynchronous context ``main()`` there; yields what that yields."""
    started, stop, told = threading.Event(), threading.Event(), []

    async def whole():
        async with main() as address:
            told.append(address)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: uvloop.run(whole()))
    thread.start()
    try:
        assert started.wait(WITHIN_S)
        yield told[0]
    finally:
        stop.set()
        thread.join(WITHIN_S)
        assert not thread.is_alive(), "it does not stop"
