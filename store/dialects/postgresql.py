"""PostgreSQL: many writers, many machines."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Join,
    Table,
    create_engine,
    event,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from store.dialects.upsert import Upserts
from store.durability import Durability

LEADER_LOCK = 0x6D74616C  # "mtal": the advisory lock of the scheduler


class PostgresqlDialect(Upserts):
    """A server by URL."""

    def __init__(self) -> None:
        super().__init__(insert)

    def create_engine(self, url: str, durability: Durability) -> Engine:
        engine = create_engine(url, pool_pre_ping=True)
        if durability is not Durability.NORMAL:
            wanted = "off" if durability is Durability.OFF else "on"

            @event.listens_for(engine, "connect")
            def prepare(raw: Any, _record: object) -> None:
                raw.execute(f"SET synchronous_commit = {wanted}")
                raw.commit()

        return engine

    def begin_write(self, connection: Connection) -> None:
        """Row locks are taken by the statements themselves."""

    def hold_view(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def writers(self, tx: Connection, table: Table, /) -> frozenset[str]:
        # INSERT and COPY take this lock first of all. A virtual transaction's name is never used
        # again while the server runs.
        query = text(
            "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND relation = to_regclass(:name) AND mode = 'RowExclusiveLock' AND granted "
            "AND pid <> pg_backend_pid()"
        )
        return frozenset(tx.execute(query, {"name": f'"{table.name}"'}).scalars())

    def watch(self, _engine: Engine) -> "AlwaysLook":
        return AlwaysLook()

    def bulk_insert(
        self, tx: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        if not rows:
            return
        import psycopg  # a tenth of a process's start, and nothing to those on SQLite

        raw = tx.connection.driver_connection
        assert raw is not None
        sql = f'COPY "{table.name}" ({", ".join(names)}) FROM STDIN'
        try:
            with raw.cursor() as cursor, cursor.copy(sql) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            # SQLAlchemy does not see this call: its callers expect the error in its words.
            raise DBAPIError.instance(sql, None, error, psycopg.Error) from error

    def bulk_update(
        self,
        tx: Connection,
        table: Table,
        values: Sequence[str],
        keys: Sequence[str],
        rows: Sequence[Sequence[Any]],
    ) -> int:
        if not rows:
            return 0
        names = [*(f"v{at}" for at in range(len(values))), *(f"k{at}" for at in range(len(keys)))]
        arrays = ", ".join(
            f"%s::{table.c[name].type.compile(tx.dialect)}[]" for name in (*values, *keys)
        )
        changes = ", ".join(f"{name} = new.v{at}" for at, name in enumerate(values))
        match = " AND ".join(f'"{table.name}".{name} = new.k{at}' for at, name in enumerate(keys))
        sql = (
            f'UPDATE "{table.name}" SET {changes} '  # noqa: S608 - our names
            f"FROM unnest({arrays}) AS new ({', '.join(names)}) WHERE {match}"
        )
        return tx.exec_driver_sql(sql, tuple(map(list, zip(*rows, strict=True)))).rowcount

    def join_row(self, left: FromClause, table: Table, number: Any) -> tuple[Join, FromClause]:
        row = select(table).where(table.c.id == number).correlate(left).limit(1).lateral()
        return left.join(row, true()), row

    def gathered(
        self,
        tx: Connection,
        by: Column[Any],
        columns: Sequence[Column[Any]],
        where: Sequence[ColumnElement[bool]],
    ) -> Iterable[tuple[Any, list[Sequence[Any]]]]:
        found: dict[Any, list[Sequence[Any]]] = {}
        for value, *row in tx.execute(select(by, *columns).where(*where)):
            found.setdefault(value, []).append(row)
        return found.items()

    def try_lead(self, engine: Engine) -> "AdvisoryLeadership | None":
        connection = engine.connect()
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_LOCK}):
            return AdvisoryLeadership(connection)
        connection.close()
        return None


class AlwaysLook:
    """A server has nothing that tells of all commits for less than looking costs."""

    def has_changed(self) -> bool:
        return True

    def has_any(self, _table: Table, _column: str, _value: Any) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""


class AdvisoryLeadership:
    """An advisory lock held by a session of its own; the server drops it with the session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_held(self) -> bool:
        if self._connection.closed or self._connection.invalidated:
            return False  # SQLAlchemy would connect anew, to a session without the lock
        try:
            return bool(self._connection.scalar(text("SELECT true")))
        except DBAPIError:
            return False

    def release(self) -> None:
        # The end of a session frees the lock too, but only when the server gets round to it.
        if self.is_held():
            with contextlib.suppress(DBAPIError):
                unlock = text("SELECT pg_advisory_unlock(:key)")
                self._connection.execute(unlock, {"key": LEADER_LOCK})
        self._connection.invalidate()
        self._connection.close()
