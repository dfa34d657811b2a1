"""The keys that seal links and return paths, for all processes of a lab."""

from collections.abc import Callable

from sqlalchemy import func, select

from mail.seal import Keyring, keyring
from store import tables
from store.engine import Tx


def keys(tx: Tx) -> Keyring | None:
    """The lab's keys, the newest first; None: it has none yet."""
    table = tables.signing_key
    found = tx.connection.scalars(select(table.c.key).order_by(table.c.id.desc())).all()
    return keyring([bytes(each) for each in found]) if found else None


def first(tx: Tx, new: Callable[[], bytes], at: float) -> Keyring:
    """The lab's keys; the first is made where there is none."""
    tx.dialect.put_missing(
        tx.connection, tables.signing_key, [{"id": 1, "key": new(), "made_at": at}]
    )
    found = keys(tx)
    assert found is not None
    return found


def rotate(tx: Tx, new: bytes, at: float) -> Keyring:
    """A new key seals from now on; what the others sealed stays valid."""
    table = tables.signing_key
    last = tx.connection.scalar(select(func.max(table.c.id))) or 0
    tx.connection.execute(table.insert().values(id=last + 1, key=new, made_at=at))
    found = keys(tx)
    assert found is not None
    return found


def withdraw(tx: Tx, keep: int) -> int:
    """Drop all but the newest keys: what the others sealed is no longer ours. Returns how many."""
    table = tables.signing_key
    kept = select(table.c.id).order_by(table.c.id.desc()).limit(keep)
    gone = table.delete().where(table.c.id.not_in(tx.connection.scalars(kept).all()))
    return int(tx.connection.execute(gone).rowcount)
