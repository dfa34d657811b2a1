"""Giving room back that removed rows had, and what that takes; outside of any transaction."""

import shutil
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.engine import Store, file_of
from store.errors import StoreUnavailable

_SPARE: Final = 1.1  # SQLite writes the file anew beside the old one


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the whole store, and of what is free within it."""

    whole: int
    free: int  # SQLite: empty pages; PostgreSQL: what dead rows take, estimated


def size(store: Store) -> Size:
    """How large the store is; costs some milliseconds.

    Raises:
        StoreUnavailable: it cannot be read.
    """
    try:
        with store.engine.begin() as connection:

            def ask(sql: str) -> int:
                return int(connection.scalar(text(sql)) or 0)

            if connection.dialect.name == "sqlite":
                page = ask("PRAGMA page_size")
                return Size(page * ask("PRAGMA page_count"), page * ask("PRAGMA freelist_count"))
            whole = ask("SELECT pg_database_size(current_database())")
            dead = ask(
                "SELECT sum(pg_table_size(relid) * n_dead_tup / (n_live_tup + n_dead_tup)) "
                "FROM pg_stat_user_tables WHERE n_dead_tup > 0"
            )
            return Size(whole, dead)
    except DBAPIError as error:
        raise store.unavailable(error) from error


def vacuum(store: Store) -> None:
    """Write the store anew without its gaps, and renew what its planner knows.

    SQLite needs as much room again on its disk, and keeps all other writers waiting meanwhile;
    workers hold their outcomes in journals for that long. PostgreSQL's plain VACUUM keeps nobody
    waiting, and gives room back to the tables rather than to the disk.

    Raises:
        StoreUnavailable: there is no room for it, or another program has the store locked.
    """
    _check_room(store)
    try:
        if store.engine.dialect.name == "sqlite":
            with store.engine.execution_options(mtalab_bare=True).connect() as connection:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA optimize")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        options = {"isolation_level": "AUTOCOMMIT"}
        with store.engine.connect().execution_options(**options) as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")
    except DBAPIError as error:
        raise store.unavailable(error) from error


def _check_room(store: Store) -> None:
    file = file_of(store.url)
    if file is None:
        return
    needed = round(size(store).whole * _SPARE)
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise StoreUnavailable(
            f"a vacuum of {file} needs {needed / 1e6:.0f} MB of room, and {free / 1e6:.0f} MB are "
            "free",
            remedy="Make room on that disk first; what was pruned is free for new rows already.",
        )
