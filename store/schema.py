"""Opening a store: its tables are made or brought up to date by Alembic before anyone uses it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import filelock
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from store.dialects.sqlite import SqliteDialect
from store.engine import Store
from store.errors import StoreTooNew, StoreUnavailable
from world.crash import reach

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0003"  # the newest revision; tests hold it against the migrations folder
_MIGRATION_LOCK: Final = 0x6D746D67


def open_store(url: str, *, inline: bool = False) -> Store:
    """A store whose schema is current; makes or migrates it first where it is not.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
        StoreUnavailable: it cannot be opened or written.
        StoreTooNew: a newer mtalab made it.
    """
    with contextlib.ExitStack() as unless_opened:
        store = Store(url, inline=inline)
        unless_opened.callback(store.close)
        try:
            _bring_up_to_date(store)
        except DBAPIError as error:
            raise store.unavailable(error) from error
        unless_opened.pop_all()
        return store


def _bring_up_to_date(store: Store) -> None:
    with store.engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with _alone(store) as connection:
        _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _upgrade(connection: Connection) -> None:
    # Alembic is slow to import and rarely needed.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _revision(connection)
    if revision is not None and revision not in known:
        raise StoreTooNew(
            f"the store is of schema {revision}, this mtalab knows up to {HEAD}",
            remedy="Use the mtalab that made it, or another store.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    reach("store.migrating")


@contextlib.contextmanager
def _alone(store: Store) -> Iterator[Connection]:
    """One process migrates, the others wait and then find nothing to do."""
    url = make_url(store.url)
    if isinstance(store.dialect, SqliteDialect):
        if url.database in (None, "", ":memory:"):
            with store.writing.begin() as connection:
                yield connection
            return
        lock = filelock.FileLock(Path(str(url.database)).with_suffix(".migrate.lock"), timeout=60)
        try:
            with lock:
                store.dialect.write_ahead(store.engine)
                with store.writing.begin() as connection:
                    yield connection
        except (filelock.Timeout, PermissionError) as error:
            raise StoreUnavailable(
                f"the store {url.database} cannot be migrated: {error}",
                remedy="Make its folder writable, or end the program that migrates it.",
            ) from error
        return
    engine = create_engine(store.url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            yield connection
    finally:
        engine.dispose()
