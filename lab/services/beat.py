"""The heartbeat of a module that has no other business with the store."""

import contextlib
from typing import Final

from lab.machine import Machine
from store import modules
from store.engine import Store
from store.errors import StoreUnavailable

BEAT_EVERY_S: Final = 2.0


async def beat_for_ever(store: Store, name: str, machine: Machine) -> None:
    """Say for ever that it lives."""
    while True:
        with contextlib.suppress(StoreUnavailable):  # the service goes on without the store
            await store.write(
                modules.beat_module, name, machine.this_process(), machine.clock.now()
            )
        await machine.clock.doze(BEAT_EVERY_S)


async def say_goodbye(store: Store, name: str, machine: Machine) -> None:
    """Say that it has stopped, and did not die."""
    with contextlib.suppress(StoreUnavailable):
        await store.write(
            modules.stop_module, name, machine.this_process().pid, machine.clock.now()
        )
