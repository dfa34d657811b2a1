"""What differs between the databases, behind one Protocol; everything else is written once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Connection, Engine, FromClause, Join, Table

from store.durability import Durability


class Dialect(Protocol):
    """The few things that SQLite and PostgreSQL do differently."""

    def create_engine(self, url: str, durability: Durability) -> Engine:
        """An engine whose write transactions take their lock at once."""
        ...

    def begin_write(self, connection: Connection) -> None:
        """Called first in every write transaction."""
        ...

    def hold_view(self, connection: Connection) -> None:
        """Called first in a transaction that only reads: all its statements see one moment."""
        ...

    def bulk_insert(
        self, tx: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many rows of these columns, the fastest way that the database has."""
        ...

    def bulk_update(
        self,
        tx: Connection,
        table: Table,
        values: Sequence[str],
        keys: Sequence[str],
        rows: Sequence[Sequence[Any]],
    ) -> int:
        """Set columns of the rows whose key columns are as given; returns how many there were.

        Each of ``rows`` holds the new values, then the keys; no key is null.
        """
        ...

    def add_up(
        self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], sums: Sequence[str]
    ) -> None:
        """Insert rows, or add the ``sums`` columns to those whose primary key is there."""
        ...

    def put(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace the given columns of those whose primary key is there."""
        ...

    def put_missing(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert those rows whose primary key is not there."""
        ...

    def join_row(self, left: FromClause, table: Table, number: Any) -> "tuple[Join, FromClause]":
        """Join to each row on the left the row of a table with this number, looked up one by one.

        Returns the join and the row joined to. PostgreSQL would rather read the whole table once,
        knowing nothing of how few rows a recursive query has.
        """
        ...

    def gathered(
        self,
        tx: Connection,
        by: Column[Any],
        columns: Sequence[Column[Any]],
        where: Sequence[ColumnElement[bool]],
    ) -> Iterable[tuple[Any, list[Sequence[Any]]]]:
        """Rows of texts and whole numbers by the value of a column; in no order."""
        ...

    def writers(self, tx: Connection, table: Table, /) -> frozenset[str]:
        """The transactions under way that may have inserted rows into a table; not this one."""
        ...

    def watch(self, engine: Engine, /) -> "Watch":
        """Tells whether there may be anything new to read."""
        ...

    def try_lead(self, engine: Engine) -> "Leadership | None":
        """Become the one scheduler of this store, or None when another one is."""
        ...


class Watch(Protocol):
    """For those who look again and again; used by one thread."""

    def has_changed(self) -> bool:
        """Whether anybody may have committed since the last call; the first time always."""
        ...

    def has_any(self, table: Table, column: str, value: Any) -> bool:
        """Whether there may be a row with this value; asks less than a transaction does."""
        ...

    def close(self) -> None: ...


class Leadership(Protocol):
    """Held by the leading scheduler; ends with its process at the latest."""

    def is_held(self) -> bool: ...

    def release(self) -> None: ...
