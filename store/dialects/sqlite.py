"""SQLite in WAL mode: one file, many readers, one writer at a time."""

import functools
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import filelock
import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Join,
    PoolProxiedConnection,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from store.dialects.upsert import Upserts
from store.durability import Durability

BUSY_TIMEOUT_MS = 10_000  # a group commit takes milliseconds; ten seconds means something is wrong
TURN_TIMEOUT_MS = 8  # SQLite looks again after 1, 3 and 8 ms

# Rows of one statement. Each step of a statement lets go of Python's lock and takes it again, so
# that a thread that writes row by row and a busy event loop hold each other up at each row.
_CHUNKS: Final = (256, 32, 4, 1)

_Row = TypeVar("_Row")


class SqliteDialect(Upserts):
    """The embedded default."""

    def __init__(self) -> None:
        super().__init__(insert)

    def create_engine(self, url: str, durability: Durability) -> Engine:
        in_memory = make_url(url).database in (None, "", ":memory:")
        engine = create_engine(
            url,
            connect_args={"check_same_thread": False},
            poolclass=StaticPool if in_memory else None,  # else each thread has its own database
        )

        @event.listens_for(engine, "connect")
        def prepare(raw: Any, _record: object) -> None:
            # The driver's own BEGIN comes too late and without IMMEDIATE: we say it ourselves.
            raw.isolation_level = None
            cursor = raw.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            cursor.execute(f"PRAGMA synchronous = {durability}")
            cursor.execute("PRAGMA temp_store = MEMORY")
            cursor.execute("PRAGMA cache_size = -65536")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            options = connection.get_execution_options()
            if not options.get("mtalab_bare", False):
                if options.get("mtalab_write", False):
                    _take_turn(connection, options.get("mtalab_patience_ms", BUSY_TIMEOUT_MS))
                else:
                    connection.exec_driver_sql("BEGIN")

        return engine

    def write_ahead(self, engine: Engine) -> None:
        """Put the file in WAL mode, which it keeps; two programs that do so at once may fail."""
        with engine.execution_options(mtalab_bare=True).connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    def begin_write(self, connection: Connection) -> None:
        """``BEGIN IMMEDIATE`` has taken the lock already."""

    def hold_view(self, connection: Connection) -> None:
        """A transaction sees the database as it was at its first look."""

    def writers(self, _tx: Connection, _table: Table, /) -> frozenset[str]:
        """Numbers are drawn by whoever has the one lock for writing, until it has committed."""
        return frozenset()

    def bulk_insert(
        self, tx: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        into = f'INSERT INTO "{table.name}" ({", ".join(names)}) '
        for chunk in _chunks(rows):
            given = tuple(itertools.chain.from_iterable(chunk))
            tx.exec_driver_sql(into + _values(len(chunk), len(names)), given)

    def bulk_update(
        self,
        tx: Connection,
        table: Table,
        values: Sequence[str],
        keys: Sequence[str],
        rows: Sequence[Sequence[Any]],
    ) -> int:
        # SQLite names the columns of VALUES column1, column2, ...
        changes = ", ".join(f"{name} = new.column{at}" for at, name in enumerate(values, 1))
        match = " AND ".join(
            f'"{table.name}".{name} = new.column{at}'
            for at, name in enumerate(keys, len(values) + 1)
        )
        changed = 0
        for chunk in _chunks(rows):
            new = _values(len(chunk), len(values) + len(keys))
            sql = f'UPDATE "{table.name}" SET {changes} FROM ({new}) AS new WHERE {match}'  # noqa: S608 - our names
            given = tuple(itertools.chain.from_iterable(chunk))
            changed += tx.exec_driver_sql(sql, given).rowcount
        return changed

    def join_row(self, left: FromClause, table: Table, number: Any) -> tuple[Join, FromClause]:
        row = table.alias()
        return left.join(row, row.c.id == number), row

    def gathered(
        self,
        tx: Connection,
        by: Column[Any],
        columns: Sequence[Column[Any]],
        where: Sequence[ColumnElement[bool]],
    ) -> Iterator[tuple[Any, list[Sequence[Any]]]]:
        # Each row is a step, at which this thread gives Python's lock away and waits for it: so
        # the rows of one value come in one, as JSON, at a third of the cost.
        rows = func.json_group_array(func.json_array(*columns))
        for value, array in tx.execute(select(by, rows).where(*where).group_by(by)):
            yield value, orjson.loads(array)

    def watch(self, engine: Engine) -> "FileWatch":
        in_memory = engine.url.database in (None, "", ":memory:")
        return FileWatch(engine.raw_connection(), sees_commits=not in_memory)

    def try_lead(self, engine: Engine) -> "FileLeadership | None":
        database = engine.url.database
        if database in (None, "", ":memory:"):
            return FileLeadership(None)
        lock = filelock.FileLock(Path(str(database)).with_suffix(".scheduler.lock"))
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return None
        return FileLeadership(lock)


def _take_turn(connection: Connection, patience_ms: int = BUSY_TIMEOUT_MS) -> None:
    """Begin to write as soon as nobody else does.

    SQLite waits longer each time it finds the file locked, at last a tenth of a second: among
    writers of a few milliseconds each, one of them can stand still for long. It begins anew here.
    """
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA busy_timeout = {TURN_TIMEOUT_MS}")
    try:
        for _ in range(patience_ms // TURN_TIMEOUT_MS):
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                # The low byte: others than SQLITE_BUSY itself say why, such as a log in recovery.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # its error comes in SQLAlchemy's words
    finally:
        raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _chunks(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """The rows by statements of few different lengths, so that each is compiled once."""
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@functools.cache
def _values(rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"


class FileWatch:
    """Asks a connection of its own for what counts the commits of all others: microseconds.

    A database in memory has one connection for all, which does not see its own commits.
    """

    def __init__(self, connection: PoolProxiedConnection, *, sees_commits: bool) -> None:
        self._connection, self._sees_commits = connection, sees_commits
        self._version: int | None = None

    def has_changed(self) -> bool:
        raw = self._connection.driver_connection
        if raw is None or not self._sees_commits:
            return True
        try:
            (version,) = raw.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:  # whoever then looks is told in words
            return True
        before, self._version = self._version, version
        return bool(before != version)

    def has_any(self, table: Table, column: str, value: Any) -> bool:
        raw = self._connection.driver_connection
        if raw is None:
            return True
        try:
            sql = f'SELECT 1 FROM "{table.name}" WHERE {column} = ? LIMIT 1'  # noqa: S608 - our names
            return raw.execute(sql, (value,)).fetchone() is not None
        except sqlite3.Error:
            return True

    def close(self) -> None:
        self._connection.close()


class FileLeadership:
    """A lock on a file beside the database; the kernel drops it with the process."""

    def __init__(self, lock: filelock.BaseFileLock | None) -> None:
        self._lock = lock

    def is_held(self) -> bool:
        return self._lock is None or self._lock.is_locked

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
