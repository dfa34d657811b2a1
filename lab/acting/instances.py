"""An instance is stopped until somebody starts it, and whoever wants to waits for it."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from lab.configuration import Loaded
from lab.instance_lines import known, live, wanted
from store import halts
from store.engine import Store
from world.clock import Clock

LOOK_EVERY_S: Final = 0.1


class Stopped(NamedTuple):
    """Whether it was not stopped before, and how many of its workers are still at work."""

    is_new: bool
    left: int


class Started(NamedTuple):
    """Whether it had been stopped by hand; workers that run, of those that are to come."""

    is_new: bool
    running: int
    expected: int


def stop(
    loaded: Loaded, store: Store, clock: Clock, name: str, by: str, within_s: float
) -> Stopped:
    """Stop an instance; waits so long, at most, until its workers are gone.

    Raises:
        UnknownInstance: there is none of that name.
    """
    known(loaded, store, name)
    is_new = store.write_now(halts.halt, name, by, clock.now())
    return Stopped(is_new, _wait(clock, within_s, lambda: live(store, name, clock.now())))


def start(
    loaded: Loaded, store: Store, clock: Clock, name: str, by: str, within_s: float
) -> Started:
    """Let an instance run again; waits so long, at most, until its workers are there.

    Raises:
        UnknownInstance: there is none of that name.
    """
    known(loaded, store, name)
    is_new = store.write_now(halts.lift, name, by, clock.now())
    expected = wanted(store, loaded, name, clock.now())
    missing = _wait(clock, within_s, lambda: max(expected - live(store, name, clock.now()), 0))
    return Started(is_new, expected - missing, expected)


def _wait(clock: Clock, within_s: float, left: Callable[[], int]) -> int:
    """Look until nothing is left; returns what is at the end."""
    deadline = clock.monotonic() + within_s

    async def look() -> int:
        while True:
            count = left()
            if not count or clock.monotonic() >= deadline:
                return count
            await asyncio.sleep(LOOK_EVERY_S)

    return asyncio.run(look())
