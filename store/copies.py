"""Copies of a store in memory: an empty one made in no time, one kept as a file."""

import contextlib
import functools
import sqlite3
from pathlib import Path
from typing import Any, Final

from store.dialects import Watch
from store.engine import Store
from store.schema import open_store

_IN_MEMORY: Final = "sqlite://"


@functools.cache
def _empty() -> bytes:
    with contextlib.closing(open_store(_IN_MEMORY, inline=True)) as store:
        return bytes(raw(store).serialize())


class _Copy(Store):
    """A store that lends its engine to the next one when it is closed.

    To compile a statement takes longer than to run it, and an engine keeps what it compiled.
    """

    def __init__(self, lent: Store) -> None:
        self._lent = lent
        self.url, self.dialect, self._inline = lent.url, lent.dialect, True
        self.engine, self.writing = lent.engine, lent.writing
        self._watches: list[Watch] = []
        self._is_closed = False

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for each in self._watches:
                each.close()
            _free.append(self._lent)


_free: Final[list[Store]] = []


def empty_in_memory() -> Store:
    """A new store in memory with a current schema; its operations run inline."""
    lent = _free.pop() if _free else Store(_IN_MEMORY, inline=True)
    raw(lent).deserialize(_empty())
    return _Copy(lent)


def keep(store: Store, file: Path) -> None:
    """Write a store in memory to a file, which must not be there yet."""
    with contextlib.closing(sqlite3.connect(file)) as kept:
        raw(store).backup(kept)
        kept.execute("PRAGMA journal_mode = WAL")


def raw(store: Store) -> Any:
    """The driver's connection: one in memory has a single one."""
    with contextlib.closing(store.engine.raw_connection()) as lent:
        return lent.driver_connection
