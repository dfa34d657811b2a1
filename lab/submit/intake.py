"""Stores what is submitted, in groups: whoever waits for a 250 waits for one commit at most."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from store import continuous
from store.engine import Store
from store.errors import StoreUnavailable
from world.clock import Clock
from world.crash import reach

GROUP_MAX: Final = 256  # letters of one commit
GROUP_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about storing; replaced as a whole when it changes."""

    plan: continuous.Plan
    terms: continuous.Terms


class Intake:
    """One writer for all sessions."""

    def __init__(self, store: Store, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._store, self._clock, self._rules = store, clock, rules
        self._waiting: list[tuple[continuous.Letter, asyncio.Future[continuous.Joined]]] = []
        self._wanted = asyncio.Event()

    async def put(self, letter: continuous.Letter) -> continuous.Joined:
        """Store a letter; it is in the store when this returns.

        Raises:
            StoreUnavailable: it is not.
        """
        done: asyncio.Future[continuous.Joined] = asyncio.get_running_loop().create_future()
        self._waiting.append((letter, done))
        self._wanted.set()
        return await done

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            await self._wanted.wait()
            group = self._next_group()
            rules = self._rules()
            try:
                joined = await self._store.write(
                    continuous.append,
                    [letter for letter, _ in group],
                    rules.plan,
                    rules.terms,
                    self._clock.now(),
                )
            except StoreUnavailable as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
            else:
                reach("submission.stored")
                for (_, done), where in zip(group, joined, strict=True):
                    if not done.done():  # its client has left
                        done.set_result(where)

    def _next_group(
        self,
    ) -> list[tuple[continuous.Letter, asyncio.Future[continuous.Joined]]]:
        size, count = 0, 0
        for letter, _ in self._waiting[:GROUP_MAX]:
            size += len(letter.content.content)
            if count and size > GROUP_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self._waiting:
            self._wanted.clear()
        return group
