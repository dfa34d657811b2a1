"""What the server knows: keys, and the tracked URLs of deliveries.

In memory, and in files beside the lab's data, so that links lead on while the store is away, also
after a restart. What is older than ``FRESH_S`` is used once more while it is read anew in the
background: so a changed or deleted delivery, or a new key, is known half a minute later at most.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mail.seal import Keyring
from mail.tracked import Kind
from store import keys, tracked_urls
from store.errors import StoreUnavailable
from store.tracked_urls import TrackedDelivery, TrackedUrl
from tracking.late_store import LateStore
from tracking.server.book_files import BookFiles
from tracking.server.target import Target, target_of
from tracking.token import Token, opened
from world.clock import Clock

FRESH_S: Final = 30.0
NEW_KEYS_S: Final = 1.0  # keys are not asked for more often, whatever seals strangers show
DELIVERIES_MAX: Final = 1000
WAIT_S: Final = 3.0  # for the store


class Away(Exception):
    """Neither memory nor files know it, and the store cannot be asked now."""


@dataclass(frozen=True, slots=True)
class Known:
    """A delivery as the server uses it."""

    tracked: TrackedDelivery
    targets: Mapping[int, Target]  # by number of the URL; without those that lead nowhere
    kinds: Mapping[int, Kind]
    expired_target: str | None

    @classmethod
    def of(cls, tracked: TrackedDelivery) -> "Known":
        found = {each.number: target_of(each.url) for each in tracked.urls}
        late = None if tracked.expired_url is None else target_of(tracked.expired_url)
        return cls(
            tracked,
            {number: each for number, each in found.items() if each is not None},
            {each.number: each.kind for each in tracked.urls},
            None if late is None else late.filled(()),
        )

    def url(self, number: int) -> TrackedUrl | None:
        return next((each for each in self.tracked.urls if each.number == number), None)


@dataclass(slots=True)
class _Page:
    """What is known of one delivery; ``known`` None: there is none such, or it is not tracked."""

    known: Known | None
    read_at: float  # of the monotonic clock
    is_asked: bool = False


@dataclass
class Book:
    """``run`` reads the store; everything else answers at once."""

    store: LateStore
    files: BookFiles
    clock: Clock
    _keys: Keyring | None = None
    _keys_read_at: float = -1e9
    _keys_asked: bool = False
    _is_store_away: bool = True  # when it was last asked for keys
    _pages: "OrderedDict[int, _Page]" = field(default_factory=OrderedDict)
    _wanted: "asyncio.Queue[int | None]" = field(default_factory=asyncio.Queue)  # None: the keys
    _waiting: "dict[int | None, list[asyncio.Future[None]]]" = field(default_factory=dict)

    @property
    def keys(self) -> Keyring | None:
        """The keys at hand, if there are any."""
        return self._keys

    # --- asked by requests -----------------------------------------------------------------------

    def opened(self, text: str, values: tuple[str, ...]) -> Token | None:
        """What a token says by the keys at hand; None: they did not seal it, or there are none."""
        if self.clock.monotonic() - self._keys_read_at > FRESH_S and not self._keys_asked:
            self._keys_asked = True
            self._wanted.put_nowait(None)
        return None if self._keys is None else opened(self._keys, text, values)

    async def opened_by_any(self, text: str, values: tuple[str, ...]) -> Token | None:
        """As ``opened``, but asks for new keys first, if that was not just done.

        Raises:
            Away: there are no keys at hand.
        """
        if self.clock.monotonic() - self._keys_read_at > NEW_KEYS_S:
            await self._read(None)
        if self._keys is None:
            if self._is_store_away:
                raise Away
            return None  # a lab without keys has sealed nothing
        return opened(self._keys, text, values)

    def at_hand(self, delivery_id: int) -> Known | None:
        """A delivery, if it is in memory; to be asked first, on the fast path."""
        page = self._pages.get(delivery_id)
        if page is None:
            return None
        self._pages.move_to_end(delivery_id)
        if not page.is_asked and self.clock.monotonic() - page.read_at > FRESH_S:
            page.is_asked = True
            self._wanted.put_nowait(delivery_id)
        return page.known

    async def find(self, delivery_id: int) -> Known | None:
        """A delivery that is not at hand; None: there is none such, or it is not tracked.

        Raises:
            Away: nobody knows.
        """
        page = self._pages.get(delivery_id)
        if page is None or self.clock.monotonic() - page.read_at > FRESH_S:
            await self._read(delivery_id)
            page = self._pages.get(delivery_id)
        if page is None:
            raise Away
        self._pages.move_to_end(delivery_id)
        return page.known

    async def _read(self, what: int | None) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(what, [])
        waiting.append(done)
        if len(waiting) == 1:
            self._wanted.put_nowait(what)
        await done

    # --- reading ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Read for ever what is wanted."""
        while True:
            what = await self._wanted.get()
            try:
                await (self._read_keys() if what is None else self._read_delivery(what))
            finally:
                for each in self._waiting.pop(what, ()):
                    if not each.done():
                        each.set_result(None)

    async def _read_keys(self) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                found = await self.store.read_apart(keys.keys)
        except (StoreUnavailable, TimeoutError):
            self._is_store_away = True
            if self._keys is None:
                self._keys = self.files.keys()
        else:
            self._is_store_away = False
            if found != self._keys:
                self.files.keep_keys(found)
            self._keys = found
        self._keys_read_at, self._keys_asked = self.clock.monotonic(), False

    async def _read_delivery(self, delivery_id: int) -> None:
        now = self.clock.monotonic()
        page = self._pages.get(delivery_id)
        try:
            async with asyncio.timeout(WAIT_S):
                tracked = await self.store.read_apart(tracked_urls.of, delivery_id)
        except (StoreUnavailable, TimeoutError):
            if page is None:
                tracked = self.files.delivery(delivery_id)
                if tracked is None:
                    return
                page = self._put(delivery_id, Known.of(tracked))
            page.read_at, page.is_asked = now, False
            return
        before = None if page is None or page.known is None else page.known.tracked
        if tracked is None:
            self.files.forget_delivery(delivery_id)
            self._put(delivery_id, None)
        elif page is None or tracked != before:
            self.files.keep_delivery(delivery_id, tracked)
            self._put(delivery_id, Known.of(tracked))
        else:
            page.read_at, page.is_asked = now, False

    def _put(self, delivery_id: int, known: Known | None) -> _Page:
        page = self._pages[delivery_id] = _Page(known, self.clock.monotonic())
        self._pages.move_to_end(delivery_id)
        while len(self._pages) > DELIVERIES_MAX:
            forgotten, _ = self._pages.popitem(last=False)
            self.files.forget_delivery(forgotten)
        return page
