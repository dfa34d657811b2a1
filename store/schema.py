"""Opening a store: its tables are made or brought up to date by Alembic before anyone uses it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from store.dialects.sqlite import SqliteDialect
from store.durability import Durability
from store.engine import Store, file_of
from store.errors import StoreTooNew, StoreUnavailable
from world.crash import reach

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0016"  # the newest revision; tests hold it against the migrations folder
_MIGRATION_LOCK: Final = 0x6D746D67


def open_store(
    url: str, *, inline: bool = False, durability: Durability = Durability.NORMAL
) -> Store:
    """A store whose schema is current; makes or migrates it first where it is not.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
        StoreUnavailable: it cannot be opened or written.
        StoreTooNew: a newer mtalab made it.
    """
    with contextlib.ExitStack() as unless_opened:
        store = Store(url, inline=inline, durability=durability)
        unless_opened.callback(store.close)
        try:
            _bring_up_to_date(store)
        except DBAPIError as error:
            raise store.unavailable(error) from error
        unless_opened.pop_all()
        return store


def open_current(url: str) -> Store:
    """A store whose schema is current, opened as it is: nothing is made and nothing is migrated.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
        StoreUnavailable: it is not there, cannot be opened, or is not current.
    """
    state = state_of(url)
    if state.revision != HEAD:
        raise StoreUnavailable(
            f"the store is of schema {state.revision or 'none'}, not {HEAD}",
            remedy="`mtalab up` brings it up to date.",
        )
    return Store(url)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What is found at a URL; ``revision`` None: no store is there (yet)."""

    revision: str | None
    is_known: bool  # False: a newer mtalab made it


def state_of(url: str) -> SchemaState:
    """Look at a store without changing it; a SQLite file that is not there is not made.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
        StoreUnavailable: it cannot be opened.
    """
    file = file_of(url)
    if file is not None and not file.is_file():
        return SchemaState(None, is_known=True)
    with contextlib.closing(Store(url)) as store:
        try:
            with store.engine.connect() as connection:
                revision = _revision(connection)
        except DBAPIError as error:
            raise store.unavailable(error) from error
    return SchemaState(revision, is_known=revision is None or revision in _known())


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


def _known() -> set[str]:
    """The revisions that this mtalab has: a file each, which begins with its number."""
    return {each.name.partition("_")[0] for each in (MIGRATIONS / "versions").glob("*.py")}


def _upgrade(connection: Connection) -> None:
    # Alembic is slow to import and rarely needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    revision = _revision(connection)
    if revision is not None and revision not in _known():
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
