"""What is removed of one delivery, some rows at a time: its messages, its figures, or all of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, Table, and_, exists, func, or_, select, tuple_

from store import audit, tables
from store.engine import Tx

MESSAGES_MAX: Final = 900  # of one step, with their transitions; measured in docs/housekeeping.md
ROWS_MAX: Final = 3000
# What is known of a delivery's opens and clicks beside the log; it is in no report afterwards.
FIGURES: Final = ("rollup_tracking", "rollup_engagement", "tracked_message", "visitor")
# These name a delivery, and are not its own.
# ``rollup_path`` counts what went where, and goes with its time.
OTHERS: Final = frozenset({"audit", "address", "delivery_retention", "rollup_path"})
_CHUNK: Final = 900


def of_delivery() -> Iterator[Table]:
    """Every table of which rows belong to a delivery, besides its messages and transitions."""
    for name, table in sorted(tables.metadata.tables.items()):
        if "delivery_id" in table.c and name not in {*OTHERS, "message", "transition"}:
            yield table


def spared_messages(tx: Tx) -> set[int]:
    """The deliveries that hold the newest message, transition or content; later they go, too."""
    found = _holders(tx, ("message", "transition"))
    message = tables.message
    newest = select(func.max(tables.content.c.id)).scalar_subquery()
    query = select(message.c.delivery_id).where(message.c.content_id == newest).limit(1)
    holder = tx.connection.scalar(query)
    return found if holder is None else {*found, int(holder)}


def spared(tx: Tx) -> set[int]:
    """The deliveries that cannot go as a whole: the newest, and who holds the newest of a kind."""
    newest = tx.connection.scalar(select(func.max(tables.delivery.c.id)))
    found = spared_messages(tx) | _holders(tx, ("tracking_log", "inbound"))
    return found if newest is None else {*found, int(newest)}


def _holders(tx: Tx, names: Iterable[str]) -> set[int]:
    found = set()
    for name in names:
        table = tables.metadata.tables.get(name)
        if table is not None:
            newest = select(func.max(table.c.id)).scalar_subquery()
            query = select(table.c.delivery_id).where(table.c.id == newest)
            found.add(tx.connection.scalar(query))
    return {int(each) for each in found if each is not None}


def _count(tx: Tx, table: Table, delivery_id: int) -> int:
    query = select(func.count()).select_from(table).where(table.c.delivery_id == delivery_id)
    return int(tx.connection.scalar(query) or 0)


def untold_after(tx: Tx, column: str) -> int | None:
    """The number in a log up to which every webhook was told; None: there are no webhooks."""
    found = tx.connection.scalar(select(func.min(tables.webhook.c[column])))
    return None if found is None else int(found)


def _tellable(tx: Tx, delivery_id: int) -> ColumnElement[bool]:
    """Messages of a delivery of which no webhook is still to be told anything."""
    message, transition = tables.message, tables.transition
    mine = message.c.delivery_id == delivery_id
    told = untold_after(tx, "transition_id")
    if told is None:
        return mine
    is_untold = exists().where(transition.c.message_id == message.c.id, transition.c.id > told)
    return and_(mine, ~is_untold)


def count_messages(tx: Tx, delivery_id: int) -> int:
    """Messages; their transitions are not counted."""
    query = select(func.count()).select_from(tables.message).where(_tellable(tx, delivery_id))
    return int(tx.connection.scalar(query) or 0)


def take_messages(tx: Tx, delivery_id: int, now: float) -> int | None:
    """Remove messages with their transitions, and the contents that nobody else has."""
    message = tables.message
    query = select(message.c.id, message.c.content_id).where(_tellable(tx, delivery_id))
    found = tx.connection.execute(query.order_by(message.c.id).limit(MESSAGES_MAX)).all()
    if not found:
        return None
    ids = [row.id for row in found]
    tx.connection.execute(tables.transition.delete().where(tables.transition.c.message_id.in_(ids)))
    tx.connection.execute(message.delete().where(message.c.id.in_(ids)))
    contents = sorted({row.content_id for row in found if row.content_id is not None})
    for start in range(0, len(contents), _CHUNK):
        some = contents[start : start + _CHUNK]
        used = select(message.c.content_id).where(message.c.content_id.in_(some))
        content = tables.content
        tx.connection.execute(
            content.delete().where(content.c.id.in_(some), content.c.id.not_in(used))
        )
    _note_pruned(tx, delivery_id, now)
    return len(ids)


def _note_pruned(tx: Tx, delivery_id: int, now: float) -> None:
    mark = tables.delivery_retention
    known = tx.connection.scalar(select(mark.c.pruned_at).where(mark.c.delivery_id == delivery_id))
    if known is None:
        values = {"delivery_id": delivery_id, "pruned_at": now}
        tx.dialect.put(tx.connection, mark, [values])


def count_figures(tx: Tx, delivery_id: int) -> int:
    return sum(_count(tx, tables.metadata.tables[name], delivery_id) for name in FIGURES)


def take_figures(tx: Tx, delivery_id: int, _now: float) -> int | None:
    """Remove what is counted of opens and clicks; its URLs stay, and lead where they led."""
    return _take(tx, [tables.metadata.tables[name] for name in FIGURES], delivery_id)


def _take(tx: Tx, chosen: list[Table], delivery_id: int) -> int | None:
    for table in chosen:
        gone = tx.connection.execute(_some(table, delivery_id)).rowcount
        if gone:
            return int(gone)
    return None


def _some(table: Table, delivery_id: int) -> Delete:
    keys = list(table.primary_key)
    rows = select(*keys).where(table.c.delivery_id == delivery_id).limit(ROWS_MAX)
    match: Any = keys[0] if len(keys) == 1 else tuple_(*keys)
    return table.delete().where(match.in_(rows))


def count_all(tx: Tx, delivery_id: int) -> int:
    """Messages and whatever else is the delivery's; transitions are not counted."""
    found = sum(_count(tx, each, delivery_id) for each in of_delivery())
    return 1 + count_messages(tx, delivery_id) + found


def _is_untold(tx: Tx, delivery_id: int) -> bool:
    """Whether a webhook is still to be told anything of a delivery."""
    log, message = tables.tracking_log, tables.message
    told = untold_after(tx, "tracking_id")
    if told is None:
        return False
    opened = exists().where(log.c.delivery_id == delivery_id, log.c.id > told)
    left = exists().where(message.c.delivery_id == delivery_id, ~_tellable(tx, delivery_id))
    return bool(tx.connection.scalar(select(or_(opened, left))))


def take_all(tx: Tx, delivery_id: int, now: float) -> int | None:
    """Remove its messages, then all the rest, at last the delivery; the audit keeps its lines."""
    if _is_untold(tx, delivery_id):
        return None
    mark, delivery = tables.delivery_retention, tables.delivery
    is_begun = tx.connection.scalar(
        select(mark.c.purged_at).where(mark.c.delivery_id == delivery_id)
    )
    if is_begun is None:
        values = {"delivery_id": delivery_id, "purged_at": now}
        tx.dialect.put(tx.connection, mark, [values])
    gone = take_messages(tx, delivery_id, now) or _take(tx, list(of_delivery()), delivery_id)
    if gone:
        return gone
    label = tx.connection.scalar(select(delivery.c.label).where(delivery.c.id == delivery_id))
    tx.connection.execute(mark.delete().where(mark.c.delivery_id == delivery_id))
    tx.connection.execute(delivery.delete().where(delivery.c.id == delivery_id))
    audit.note(tx, now, f"purged: {label}", delivery_id=delivery_id)
    return 1


def oldest_with_messages(tx: Tx) -> float | None:
    """When the oldest delivery was submitted of which there are messages; None: there are none."""
    delivery, message = tables.delivery, tables.message
    query = select(func.min(delivery.c.submitted_at)).where(
        exists().where(message.c.delivery_id == delivery.c.id)
    )
    found = tx.connection.scalar(query)
    return None if found is None else float(found)


def gone(tx: Tx, delivery_ids: Sequence[int]) -> set[int]:
    """Those of these numbers that no delivery has any more."""
    table = tables.delivery
    there: set[int] = set()
    for start in range(0, len(delivery_ids), _CHUNK):
        some = list(delivery_ids[start : start + _CHUNK])
        query = select(table.c.id).where(table.c.id.in_(some))
        there.update(map(int, tx.connection.execute(query).scalars()))
    return set(delivery_ids) - there
