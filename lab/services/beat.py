"""The heartbeat of a module that has no other business with the store."""

import contextlib
from collections.abc import Callable
from typing import Final, ParamSpec, Protocol, TypeVar

from lab.machine import Machine
from store import modules
from store.engine import Operation
from store.errors import StoreUnavailable
from store.tally import Tally

P = ParamSpec("P")
T = TypeVar("T")

BEAT_EVERY_S: Final = 2.0


class Writes(Protocol):
    """A store, as far as beating goes."""

    async def write(
        self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


async def beat_for_ever(
    store: Writes, name: str, machine: Machine, tally: Callable[[], Tally] = Tally
) -> None:
    """Say for ever that it lives, and what it has counted."""
    while True:
        with contextlib.suppress(StoreUnavailable):  # the service goes on without the store
            await store.write(
                modules.beat_module,
                name,
                machine.this_process(),
                machine.clock.now(),
                tally().text(),
            )
        await machine.clock.doze(BEAT_EVERY_S)


async def say_goodbye(store: Writes, name: str, machine: Machine) -> None:
    """Say that it has stopped, and did not die."""
    with contextlib.suppress(StoreUnavailable):
        await store.write(
            modules.stop_module, name, machine.this_process().pid, machine.clock.now()
        )
