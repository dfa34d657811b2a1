"""``INSERT … ON CONFLICT``, which both databases spell alike but SQLAlchemy keeps apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table


class Upserts:
    """The half of a dialect that differs only in whose ``insert`` it calls.

    Rows are written in the order of their keys, so that two writers lock them in the same order.
    """

    def __init__(self, insert_for: Callable[[Table], Any]) -> None:
        self._insert_for = insert_for

    def add_up(
        self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], sums: Sequence[str]
    ) -> None:
        """Insert rows, or add the ``sums`` columns to those whose primary key is there."""
        statement = self._insert_for(table)
        new = {name: table.c[name] + statement.excluded[name] for name in sums}
        self._write(tx, table, statement, rows, new)

    def put(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace the given columns of those whose primary key is there."""
        if not rows:
            return
        statement = self._insert_for(table)
        keys = {column.name for column in table.primary_key}
        new = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        self._write(tx, table, statement, rows, new)

    def put_missing(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert those rows whose primary key is not there."""
        if rows:
            keys = [column.name for column in table.primary_key]
            ordered = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
            tx.execute(self._insert_for(table).on_conflict_do_nothing(), ordered)

    def _write(
        self,
        tx: Connection,
        table: Table,
        statement: Any,
        rows: Sequence[Mapping[str, Any]],
        new: Mapping[str, Any],
    ) -> None:
        if not rows:
            return
        keys = [column.name for column in table.primary_key]
        upsert = statement.on_conflict_do_update(index_elements=keys, set_=new)
        tx.execute(upsert, sorted(rows, key=lambda row: tuple(row[key] for key in keys)))
