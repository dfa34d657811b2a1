"""Pruning by the clock: once a day, by the scheduler that leads."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from lab.configuration import Loaded
from lab.machine import Machine
from store.engine import Store
from store.errors import StoreUnavailable
from world.log import Log

_DAY_S: Final = 86_400.0


def next_at(now: float, time_of_day_s: int) -> float:
    """When it is this time of day (UTC) next, in epoch seconds; later than ``now``."""
    today = now - now % _DAY_S + time_of_day_s
    return today if today > now else today + _DAY_S


class Daily:
    """Prunes when the time of day has come that the configuration says.

    A lab that is down at that time leaves it out. A store that goes away meanwhile is pruned the
    next day: what is old now will still be old.
    """

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        machine: Machine,
        is_leader: Callable[[], bool],
        log: Log,
    ) -> None:
        self._loaded, self._store, self._machine = loaded, store, machine
        self._is_leader, self._log = is_leader, log
        self._changed = asyncio.Event()

    def reconfigure(self, loaded: Loaded) -> None:
        """Go by a changed configuration from now on."""
        self._loaded = loaded
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            daily = self._loaded.configuration.retention.daily
            if daily is None:
                await self._changed.wait()
            elif await self._wait_until(next_at(self._machine.clock.now(), daily)):
                await self._prune()

    async def _wait_until(self, due: float) -> bool:
        """Whether the time came before the configuration changed."""
        while (left := due - self._machine.clock.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
                return False
        return True

    async def _prune(self) -> None:
        if not self._is_leader():
            return
        # A scheduler need not have all of a worker in memory before it is asked for.
        from lab.housekeeping.prune import Kind, cuts, prune

        loaded, clock = self._loaded, self._machine.clock
        before = cuts(loaded, clock.now(), list(Kind), None)
        try:
            done = await prune(self._store, loaded, clock, before, lambda _kind, _gone: None)
        except StoreUnavailable as error:
            self._log.error("not_pruned", note=f"what is old could not be pruned: {error}")
            return
        gone = {str(each.kind): each.rows for each in done if each.rows}
        if gone:
            told = ", ".join(f"{rows} {kind.replace('_', ' ')}" for kind, rows in gone.items())
            self._log.info("pruned", note=f"pruned what is old: {told}", **gone)
