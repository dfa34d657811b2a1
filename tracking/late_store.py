"""A store that may not be there yet: links lead on even if their server starts without it."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from store.engine import Operation, Store
from store.errors import StoreUnavailable
from world.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")

AGAIN_S: Final = 2.0  # after it could not be opened


class LateStore:
    """Opened when it is first asked for something; until then asking raises StoreUnavailable."""

    def __init__(self, opens: Callable[[], Store], clock: Clock) -> None:
        self._opens, self._clock = opens, clock
        self._store: Store | None = None
        self._opening: asyncio.Future[Store] | None = None
        self._failed_at: float | None = None

    async def read_apart(
        self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``Store.read_apart``."""
        return await (await self._opened()).read_apart(operation, *args, **kwargs)

    async def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``Store.write``."""
        return await (await self._opened()).write(operation, *args, **kwargs)

    async def _opened(self) -> Store:
        if self._store is not None:
            return self._store
        if self._opening is None:
            failed, now = self._failed_at, self._clock.monotonic()
            if failed is not None and now < failed + AGAIN_S:
                raise StoreUnavailable("the store cannot be used: it could not be opened just now")
            loop = asyncio.get_running_loop()
            self._opening = loop.run_in_executor(None, self._opens)
        opening = self._opening
        try:
            self._store = await asyncio.shield(opening)
        except StoreUnavailable:
            self._failed_at = self._clock.monotonic()
            raise
        finally:
            if opening.done() and self._opening is opening:
                self._opening = None
        return self._store

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._store is not None:
            self._store.close()
