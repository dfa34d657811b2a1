"""The keys that seal links and return paths, for all processes of a lab."""

from collections.abc import Callable

from sqlalchemy import func, select

from mail.seal import Keyring, keyring
from mail.states import DeliveryStatus
from store import tables
from store.engine import Tx
from store.errors import KeysInUse, LastKey

_BEING_SENT = (DeliveryStatus.START_PENDING, DeliveryStatus.IN_PROGRESS, DeliveryStatus.PAUSED)


def keys(tx: Tx) -> Keyring | None:
    """The lab's keys, the newest first; None: it has none yet."""
    table = tables.signing_key
    query = select(table.c.key).order_by(table.c.id.desc())
    found = tx.connection.execute(query).scalars().all()
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


def listed(tx: Tx) -> list[tuple[int, float]]:
    """Numbers of the keys and when they were made, the newest first."""
    table = tables.signing_key
    query = select(table.c.id, table.c.made_at).order_by(table.c.id.desc())
    return [(row.id, row.made_at) for row in tx.connection.execute(query)]


def withdraw(tx: Tx, keep: int, *, anyway: bool = False) -> int:
    """Drop all but the newest keys: what the others sealed is no longer ours. Returns how many.

    Raises:
        LastKey: none would be kept.
        KeysInUse: a delivery is being sent that began before the oldest that is kept was made:
            its workers seal with the key that they met then. Not with ``anyway``.
    """
    if keep < 1:
        raise LastKey
    table, kept = tables.signing_key, listed(tx)[:keep]
    if not kept:
        return 0
    delivery = tables.delivery  # tracked or not: return paths bear a seal too
    in_use = (
        select(func.count())
        .select_from(delivery)
        .where(delivery.c.status.in_(_BEING_SENT), delivery.c.started_at < kept[-1][1])
    )
    older = select(func.count()).select_from(table).where(table.c.id < kept[-1][0])
    if not anyway and tx.connection.scalar(older) and (count := tx.connection.scalar(in_use)):
        raise KeysInUse(count)
    gone = table.delete().where(table.c.id < kept[-1][0])
    return int(tx.connection.execute(gone).rowcount)
