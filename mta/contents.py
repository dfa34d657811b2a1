"""Contents that applications submitted: the small ones are read ahead, the large one by one.

A worker has hundreds of messages in hand; all their contents may be more than its memory.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from store import contents
from store.contents import Content
from store.engine import Store

AHEAD_MAX: Final = 64 * 1024  # bytes of a content that is read ahead
KEPT_MAX: Final = 64 * 1024 * 1024  # bytes of all contents in memory, except the newest


class Contents:
    """The contents that a worker has in hand, the longest unused forgotten first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, Content] = OrderedDict()
        self._bytes = 0

    async def prepare(self, numbers: Iterable[int | None]) -> None:
        """Read the small ones of these ahead."""
        wanted = sorted({each for each in numbers if each is not None and each not in self._kept})
        if wanted:
            found = await self._store.read(contents.small, wanted, AHEAD_MAX)
            for number, content in found.items():
                self._keep(number, content)

    def content(self, number: int) -> Content:
        """One content; read now if it is not at hand.

        Raises:
            StoreUnavailable: it is not, and cannot be read.
        """
        found = self._kept.get(number)
        if found is None:
            found = self._store.read_now(contents.one, number)
            self._keep(number, found)
        else:
            self._kept.move_to_end(number)
        return found

    def _keep(self, number: int, content: Content) -> None:
        self._kept[number] = content
        self._bytes += len(content.content)
        while self._bytes > KEPT_MAX and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.content)
