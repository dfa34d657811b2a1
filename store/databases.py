"""Databases of one's own on a PostgreSQL server, for measuring: made empty, dropped at the end."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from mail.errors import UserError
from store.engine import file_of


class CannotMakeDatabase(UserError):
    """The server cannot be reached by this URL, or its user may not make databases."""


def is_server(url: str) -> bool:
    """Whether a store URL names a database on a server, not a file.

    Raises:
        BadStoreUrl: the URL names no database that we speak.
    """
    return file_of(url) is None and not url.startswith("sqlite")


@contextlib.contextmanager
def database_beside(url: str, name: str, *, keep: bool = False) -> Iterator[str]:
    """A new, empty database on the server that a URL names; yields its own URL.

    Args:
        url: of a database that is there; it is connected to and left alone.
        name: of the new one.
        keep: whether it stays.

    Raises:
        CannotMakeDatabase: the server refuses.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    quoted = engine.dialect.identifier_preparer.quote(name)
    try:
        try:
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {quoted} TEMPLATE template0"))
        except DBAPIError as error:
            raise CannotMakeDatabase(
                f"no database can be made beside {make_url(url).render_as_string()}: {error.orig}",
                remedy="Each run has an empty database of its own: name an existing one of a "
                "server that runs, and a user with the right CREATEDB.",
            ) from error
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            if not keep:
                with engine.connect() as connection:
                    # Processes that have just been told to stop may still hold connections.
                    connection.execute(text(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)"))
    finally:
        engine.dispose()
