"""SQLite in WAL mode: one file, many readers, one writer at a time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from store.dialects.upsert import Upserts

BUSY_TIMEOUT_MS = 10_000  # a group commit takes milliseconds; ten seconds means something is wrong


class SqliteDialect(Upserts):
    """The embedded default."""

    def __init__(self) -> None:
        super().__init__(insert)

    def create_engine(self, url: str) -> Engine:
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
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA temp_store = MEMORY")
            cursor.execute("PRAGMA cache_size = -65536")
            cursor.close()

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            options = connection.get_execution_options()
            if not options.get("mtalab_bare", False):
                write = options.get("mtalab_write", False)
                connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def write_ahead(self, engine: Engine) -> None:
        """Put the file in WAL mode, which it keeps; two programs that do so at once may fail."""
        with engine.execution_options(mtalab_bare=True).connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    def begin_write(self, connection: Connection) -> None:
        """``BEGIN IMMEDIATE`` has taken the lock already."""

    def bulk_insert(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        names = list(rows[0])
        marks = ", ".join("?" for _ in names)
        sql = f'INSERT INTO "{table.name}" ({", ".join(names)}) VALUES ({marks})'  # noqa: S608 - our names
        tx.exec_driver_sql(sql, [tuple(row[name] for name in names) for row in rows])

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


class FileLeadership:
    """A lock on a file beside the database; the kernel drops it with the process."""

    def __init__(self, lock: filelock.BaseFileLock | None) -> None:
        self._lock = lock

    def is_held(self) -> bool:
        return self._lock is None or self._lock.is_locked

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
