"""Facts of a store that tell whether the machine around it is sound; nothing is changed."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from store import tables
from store.engine import Store, Tx

_NOBODY: Final = ""  # no instance has this name


@dataclass(frozen=True, slots=True)
class Times:
    """Epoch seconds; None where there is none: an empty store, a database without a clock."""

    newest: float | None  # of all that was ever written down as having happened
    server: float | None  # the database server's clock


def times(tx: Tx) -> Times:
    """The newest moment on record, and the server's time."""
    found = [
        tx.connection.scalar(select(func.max(column)))
        for column in (
            tables.module.c.heartbeat_at,
            tables.mta_instance.c.heartbeat_at,
            tables.audit.c.at,
        )
    ]
    server = None
    if tx.connection.dialect.name == "postgresql":
        now = tx.connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
        server = None if now is None else float(now)
    return Times(max((each for each in found if each is not None), default=None), server)


def try_writing(store: Store, patience_s: float | None = None) -> None:
    """Write a row and take it back; ``patience_s``: how long to wait for others' locks.

    It is committed, since a full disk shows at no other time; SQLite leaves out what is no change.

    Raises:
        StoreUnavailable: it cannot be written.
    """
    table = tables.halt
    engine = store.writing
    if patience_s is not None:
        engine = engine.execution_options(mtalab_patience_ms=round(patience_s * 1000))
    try:
        with engine.begin() as connection:
            store.dialect.begin_write(connection)
            connection.execute(table.insert().values(instance=_NOBODY, at=0.0, by=_NOBODY))
            connection.execute(table.delete().where(table.c.instance == _NOBODY))
    except DBAPIError as error:
        raise store.unavailable(error) from error
