"""The store: one object through which every room runs named operations.

``await store.write(parts.lease, grants, now)`` runs the operation in one transaction, in the
store's own thread, or inline where a simulated loop owns time. All of it or nothing is written.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from store.dialects import Dialect, Leadership, Watch
from store.dialects.sqlite import SqliteDialect
from store.durability import Durability
from store.errors import BadStoreUrl, StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")


class Tx:
    """One transaction, as operations see it; opaque to every other room."""

    __slots__ = ("connection", "dialect")

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        self.connection = connection
        self.dialect = dialect


Operation = Callable[Concatenate[Tx, P], T]


class Store:
    """A database with our schema. Make it with ``store.schema.open_store``."""

    def __init__(
        self, url: str, *, inline: bool = False, durability: Durability = Durability.NORMAL
    ) -> None:
        self.url = url
        self.dialect = _dialect_of(url)
        self._inline = inline
        self.engine = self.dialect.create_engine(_prepared(url), durability)
        self.writing = self.engine.execution_options(mtalab_write=True)
        self._watches: list[Watch] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    def read_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation that changes nothing; blocks."""
        try:
            with self.engine.begin() as connection:
                return operation(Tx(connection, self.dialect), *args, **kwargs)
        except DBAPIError as error:
            raise self.unavailable(error) from error

    def write_now(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation in one transaction; blocks."""
        try:
            with self.writing.begin() as connection:
                self.dialect.begin_write(connection)
                return operation(Tx(connection, self.dialect), *args, **kwargs)
        except DBAPIError as error:
            raise self.unavailable(error) from error

    async def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``read_now``, without blocking the loop."""
        if self._inline:
            return self.read_now(operation, *args, **kwargs)
        return await self._in_thread(lambda: self.read_now(operation, *args, **kwargs))

    async def read_apart(
        self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``read``, but not behind a write of ours that waits for somebody else's lock."""
        if self._inline:
            return self.read_now(operation, *args, **kwargs)
        return await asyncio.to_thread(lambda: self.read_now(operation, *args, **kwargs))

    async def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``write_now``, without blocking the loop."""
        if self._inline:
            return self.write_now(operation, *args, **kwargs)
        return await self._in_thread(lambda: self.write_now(operation, *args, **kwargs))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def watch(self) -> Watch:
        """Tells whether there may be anything new to read; it ends with the store."""
        try:
            found = self.dialect.watch(self.engine)
        except DBAPIError as error:
            raise self.unavailable(error) from error
        self._watches.append(found)
        return found

    def try_lead(self) -> Leadership | None:
        """Become the one scheduler of this store, or None when another one is."""
        try:
            return self.dialect.try_lead(self.engine)
        except DBAPIError as error:
            raise self.unavailable(error) from error
        except OSError as error:
            raise StoreUnavailable(
                f"cannot lock the store {make_url(self.url).render_as_string()}: {error.strerror}",
                remedy="Make its folder writable for this user.",
            ) from error

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        for each in self._watches:
            each.close()
        self.engine.dispose()

    def unavailable(self, error: DBAPIError) -> Exception:
        """The error to raise: faults of the machine get words, our own bugs stay as they are."""
        words = str(error.orig)
        # SQLite's word for a broken file, and PostgreSQL's for a server that only reads, are those
        # for a caller's mistakes too.
        is_ours = not any(each in words for each in ("not a database", "malformed", "read-only"))
        if is_ours and not (isinstance(error, OperationalError) or error.connection_invalidated):
            return error
        return StoreUnavailable(
            f"the store {make_url(self.url).render_as_string()} cannot be used: {words}",
            remedy=_remedy(words),
        )


def file_of(url: str) -> Path | None:
    """The file of a SQLite store; None for one that has none.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
    """
    _dialect_of(url)
    parsed = make_url(url)
    database = parsed.database or ":memory:"
    is_file = parsed.drivername.startswith("sqlite")
    return Path(database) if is_file and not database.startswith((":memory:", "file:")) else None


def shown_url(url: str) -> str:
    """A store's URL for people: without its password."""
    return make_url(url).render_as_string(hide_password=True)


_REMEDIES: Final = (  # by words that stand in the database's
    (("readonly", "read-only"), "Make the file and its folder writable for this user."),
    (("locked",), "Another program holds a write transaction open on it; end that one."),
    (
        ("not a database", "malformed"),
        "Move the file away, or name another one: it is no SQLite database, or a broken one.",
    ),
    (("full", "No space left"), "Make room on the disk; nothing was lost."),
    (("I/O error",), "Make room on the disk, or mend it: its files cannot be read or written."),
    (("unable to open",), "Check that the folder exists and may be written to."),
)


def _remedy(text: str) -> str:
    for words, remedy in _REMEDIES:
        if any(each in text for each in words):
            return remedy
    return "Check that the database server runs and that the store's URL is right."


def _dialect_of(url: str) -> Dialect:
    try:
        name = make_url(url).drivername
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        name = ""
    if name in ("sqlite", "sqlite+pysqlite"):
        return SqliteDialect()
    if name == "postgresql+psycopg":
        # A twentieth of a process's start, and nothing to those on SQLite.
        from store.dialects.postgresql import PostgresqlDialect

        return PostgresqlDialect()
    raise BadStoreUrl(
        f"{url!r} is not a store URL that mtalab knows",
        remedy="Use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.",
    )


def _prepared(url: str) -> str:
    """Make the folder of a SQLite file; SQLite itself would only say 'unable to open'."""
    file = file_of(url)
    if file is not None:
        folder = file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot make the folder {folder}: {error.strerror}",
                remedy="Choose another directory under [lab], or make this one writable.",
            ) from error
    return url
