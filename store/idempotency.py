"""A submission that comes with a key happens once, whatever breaks off and is sent again.

Whoever submits holds the key. The delivery is noted beside it as it is created, the answer as it is
confirmed, each in that transaction and only by the holder. So a key has an answer if, and only if,
its delivery is confirmed; and who takes a key from somebody who was thought dead has nothing to
fear from them: what they go on with fails.
"""

from dataclasses import dataclass

from sqlalchemy import select

from mail.states import DeliveryStatus
from store import deliveries, tables
from store.engine import Tx
from store.errors import KeyTaken


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is at a submission: ``name`` is of this one request."""

    name: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Known:
    """A key that somebody else took. ``seen_at`` is the last sign of life, in epoch seconds."""

    digest: str
    holder: Holder
    seen_at: float
    answer: str | None  # None: its submission is under way, or was broken off


def claim(
    tx: Tx, key: str, digest: str, holder: Holder, at: float, since: float | None
) -> Known | None:
    """Take a key that nobody has; returns what is known of it if somebody does.

    Keys that were taken before ``since`` are forgotten; None: none is.
    """
    table = tables.submission_key
    if since is not None:
        tx.connection.execute(table.delete().where(table.c.taken_at < since))
    row = {
        "key": key,
        "digest": digest,
        "holder": holder.name,
        "host": holder.host,
        "pid": holder.pid,
        "taken_at": at,
        "delivery_id": None,
        "answer": None,
    }
    tx.dialect.put_missing(tx.connection, table, [row])
    found = tx.connection.execute(select(table).where(table.c.key == key)).one()
    if found.holder == holder.name:
        return None
    seen_at = found.taken_at
    if found.delivery_id is not None:
        alive = select(tables.delivery.c.submitted_at)
        wrote_at = tx.connection.scalar(alive.where(tables.delivery.c.id == found.delivery_id))
        seen_at = max(seen_at, wrote_at or seen_at)
    return Known(found.digest, Holder(found.holder, found.host, found.pid), seen_at, found.answer)


def take_over(tx: Tx, key: str, dead: Holder, holder: Holder, at: float) -> bool:
    """Take a key from one who has broken off; what they had submitted so far is taken back.

    Returns False if it is not theirs any more, or if they came to an end.
    """
    table = tables.submission_key
    query = select(table).where(
        table.c.key == key, table.c.holder == dead.name, table.c.answer.is_(None)
    )
    found = tx.connection.execute(query.with_for_update()).one_or_none()
    if found is None:
        return False
    if found.delivery_id is not None:
        status = deliveries.get(tx, found.delivery_id).status
        if status is DeliveryStatus.EDITING:
            deliveries.discard(tx, found.delivery_id, at, "its submission was broken off")
    values = {"holder": holder.name, "host": holder.host, "pid": holder.pid}
    tx.connection.execute(
        table.update().where(table.c.key == key).values(**values, taken_at=at, delivery_id=None)
    )
    return True


def created(tx: Tx, key: str, holder: Holder, delivery_id: int) -> None:
    """Note the delivery of a key, in the transaction that creates it. Raises KeyTaken."""
    _note(tx, key, holder, delivery_id=delivery_id)


def confirmed(tx: Tx, key: str, holder: Holder, answer: str) -> None:
    """Note the answer, in the transaction that confirms the delivery. Raises KeyTaken."""
    _note(tx, key, holder, answer=answer)


def _note(tx: Tx, key: str, holder: Holder, **values: object) -> None:
    table = tables.submission_key
    mine = (table.c.key == key, table.c.holder == holder.name)
    if not tx.connection.execute(table.update().where(*mine).values(**values)).rowcount:
        raise KeyTaken(key)


def release(tx: Tx, key: str, holder: Holder) -> None:
    """Nothing came of the submission: the key is as if it had never been used."""
    table = tables.submission_key
    tx.connection.execute(
        table.delete().where(
            table.c.key == key, table.c.holder == holder.name, table.c.answer.is_(None)
        )
    )
