"""``INSERT … ON CONFLICT``, which both databases spell alike but SQLAlchemy keeps apart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

InsertFor = Callable[[Table], Any]


def add_up(
    tx: Connection,
    insert_for: InsertFor,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    sums: Sequence[str],
) -> None:
    """Rows in key order, so that two writers lock them in the same order."""
    if not rows:
        return
    statement = insert_for(table)
    keys = [column.name for column in table.primary_key]
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: table.c[name] + statement.excluded[name] for name in sums},
    )
    tx.execute(statement, sorted(rows, key=lambda row: tuple(row[key] for key in keys)))


def put(
    tx: Connection, insert_for: InsertFor, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    if not rows:
        return
    statement = insert_for(table)
    keys = [column.name for column in table.primary_key]
    given = [name for name in rows[0] if name not in keys]
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in given}
    )
    tx.execute(statement, sorted(rows, key=lambda row: tuple(row[key] for key in keys)))
