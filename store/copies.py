"""Copies of a store in memory: an empty one made in no time, one kept as a file."""

import contextlib
import functools
import sqlite3
from pathlib import Path
from typing import Any, Final

from store.engine import Store
from store.schema import open_store

_IN_MEMORY: Final = "sqlite://"


@functools.cache
def _empty() -> bytes:
    with contextlib.closing(open_store(_IN_MEMORY, inline=True)) as store:
        return bytes(_raw(store).serialize())


def empty_in_memory() -> Store:
    """A new store in memory with a current schema; its operations run inline."""
    store = Store(_IN_MEMORY, inline=True)
    _raw(store).deserialize(_empty())
    return store


def keep(store: Store, file: Path) -> None:
    """Write a store in memory to a file, which must not be there yet."""
    with contextlib.closing(sqlite3.connect(file)) as kept:
        _raw(store).backup(kept)
        kept.execute("PRAGMA journal_mode = WAL")


def _raw(store: Store) -> Any:
    """The driver's connection: one in memory has a single one."""
    with contextlib.closing(store.engine.raw_connection()) as lent:
        return lent.driver_connection
