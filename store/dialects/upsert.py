"""``INSERT … ON CONFLICT``, which both databases spell alike but SQLAlchemy keeps apart."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table


class Upserts:
    """The half of a dialect that differs only in whose ``insert`` it calls.

    Rows are written in the order of their keys, so that two writers lock them in the same order.
    """

    def __init__(self, insert_for: Callable[[Table], Any]) -> None:
        self._insert_for = insert_for
        # Made once: making one costs more than what it does to the few rows of a group.
        self._adding = functools.cache(self._add_up)
        self._replacing = functools.cache(self._put)

    def add_up(
        self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], sums: Sequence[str]
    ) -> None:
        """Insert rows, or add the ``sums`` columns to those whose primary key is there."""
        if rows:
            _write(tx, table, self._adding(table, tuple(sums)), rows)

    def _add_up(self, table: Table, sums: Sequence[str]) -> Any:
        statement = self._insert_for(table)
        new = {name: table.c[name] + statement.excluded[name] for name in sums}
        return statement.on_conflict_do_update(index_elements=_keys(table), set_=new)

    def put(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace the given columns of those whose primary key is there."""
        if rows:
            _write(tx, table, self._replacing(table, tuple(rows[0])), rows)

    def _put(self, table: Table, names: Sequence[str]) -> Any:
        statement, keys = self._insert_for(table), _keys(table)
        new = {name: statement.excluded[name] for name in names if name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=new)

    def put_missing(self, tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert those rows of which no key that has to be unique is there.

        Rows whose primary key the database makes are inserted as they are ordered.
        """
        if rows:
            _write(tx, table, self._insert_for(table).on_conflict_do_nothing(), rows)


def _write(tx: Connection, table: Table, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    keys = _keys(table)
    tx.execute(statement, sorted(rows, key=lambda row: tuple(row.get(key) for key in keys)))


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]
