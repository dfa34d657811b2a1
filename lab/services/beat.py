"""The heartbeat of a module that has no other business with the store."""

import contextlib
from typing import Final

from lab.lifetime import this_process
from store import modules
from store.engine import Store
from store.errors import StoreUnavailable
from world.clock import Clock

BEAT_EVERY_S: Final = 2.0


async def beat_for_ever(store: Store, name: str, clock: Clock) -> None:
    """Say for ever that it lives."""
    while True:
        with contextlib.suppress(StoreUnavailable):  # the service goes on without the store
            await store.write(modules.beat_module, name, this_process(), clock.now())
        await clock.doze(BEAT_EVERY_S)


async def say_goodbye(store: Store, name: str, clock: Clock) -> None:
    """Say that it has stopped, and did not die."""
    with contextlib.suppress(StoreUnavailable):
        await store.write(modules.stop_module, name, this_process().pid, clock.now())
