"""Who looks at a page is told when there may be something new, at most twice a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from store.dialects import Watch
from store.engine import Store
from store.errors import StoreUnavailable
from world.clock import Clock

LOOK_EVERY_S: Final = 0.5  # a page is at most a second behind
SILENCE_S: Final = 15.0  # then a beat is sent all the same, so that proxies and browsers hold on


class Pulse:
    """Counts the changes of a store. Looks at it only while somebody listens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._count = 0
        self._news = asyncio.Event()
        self._listeners = 0
        self._wanted = asyncio.Event()
        self._is_over = False

    async def beats(self) -> AsyncIterator[int]:
        """A number now, and a higher one after each change; the same one after a long silence.

        Ends when the server does.
        """
        self._listeners += 1
        self._wanted.set()
        try:
            while not self._is_over:
                told = self._count
                yield told
                if told == self._count and not self._is_over:  # nothing came while it was told
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), SILENCE_S)
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._wanted.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        watch: Watch | None = None
        while True:
            await self._wanted.wait()
            try:
                if watch is None:
                    watch = self._store.watch()
                has_changed = await loop.run_in_executor(None, watch.has_changed)
            except StoreUnavailable:
                watch, has_changed = None, True  # pages ask, and tell what they hear
            if has_changed:
                self._count += 1
                self._wake()
            await self._clock.doze(LOOK_EVERY_S)

    def end(self) -> None:
        """Nobody is told any more."""
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
