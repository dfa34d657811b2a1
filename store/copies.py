"""Copies of a store in memory: an empty one made in no time, one kept as a file."""

import contextlib
import functools
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from store.dialects import Watch
from store.engine import Operation, Store, Tx
from store.quick import QuickConnection, transaction
from store.schema import open_store

P = ParamSpec("P")
T = TypeVar("T")

_IN_MEMORY: Final = "sqlite://"


@functools.cache
def _empty() -> bytes:
    with contextlib.closing(open_store(_IN_MEMORY, inline=True)) as store:
        return bytes(raw(store).serialize())


class _Copy(Store):
    """A store whose statements run the quick way (see ``store.quick``), one after the other.

    It lends its engine to the next one when it is closed: what was compiled stays compiled.
    """

    def __init__(self, lent: "_Lent") -> None:
        self._lent = lent
        self.url, self.dialect, self._inline = lent.store.url, lent.store.dialect, True
        self.engine, self.writing = lent.store.engine, lent.store.writing
        self._watches: list[Watch] = []
        connection: Any = QuickConnection(self.engine, lent.driver, lent.compiled)
        self._tx = Tx(connection, self.dialect)
        self._is_closed = False

    def read_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return operation(self._tx, *args, **kwargs)

    def write_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with transaction(self._lent.driver):
            return operation(self._tx, *args, **kwargs)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for each in self._watches:
                each.close()
            _free.append(self._lent)


@dataclass
class _Lent:
    """An engine in memory and all that is known about it."""

    store: Store
    driver: Any
    compiled: dict[Any, Any] = field(default_factory=dict)


_free: Final[list[_Lent]] = []


def _made() -> _Lent:
    store = Store(_IN_MEMORY, inline=True)
    return _Lent(store, raw(store))


def empty_in_memory() -> Store:
    """A new store in memory with a current schema; its operations run inline."""
    lent = _free.pop() if _free else _made()
    lent.driver.deserialize(_empty())
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
