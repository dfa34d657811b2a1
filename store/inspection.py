"""Facts of a store that tell whether the machine around it is sound. Read only."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from store import tables
from store.engine import Store, Tx


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
    """Write a row as it is; ``patience_s``: how long to wait for others' locks.

    It is committed: a full disk shows at no other time.

    Raises:
        StoreUnavailable: it cannot be written.
    """
    table = tables.module
    engine = store.writing
    if patience_s is not None:
        engine = engine.execution_options(mtalab_patience_ms=round(patience_s * 1000))
    try:
        with engine.begin() as connection:
            store.dialect.begin_write(connection)
            connection.execute(table.update().values(pid=table.c.pid))
    except DBAPIError as error:
        raise store.unavailable(error) from error
