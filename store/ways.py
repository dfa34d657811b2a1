"""The ways that have queued parts, and the first parts of each, found by steps through an index.

A way is (delivery, MX group, source IPs). Ten million messages are forty thousand parts of a few
hundred ways: what is read costs a step for each way and for each part that is wanted, however many
parts stand behind them (a loose index scan; neither database makes one of ``DISTINCT``).
"""

from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, FromClause, Select, and_, func, literal, select

from store import tables
from store.dialects import Dialect

QUEUED: Final = "queued"
_WAY: Final = ("delivery_id", "mx_group", "source_ips")


def ways(dialect: Dialect, wanted: ColumnElement[bool]) -> CTE:
    """The first queued part (id, size) of each way of the deliveries of which a condition holds."""
    delivery = tables.delivery
    joined, first = dialect.join_row(delivery, tables.part, _first(delivery, delivery.c.id))
    start = select(*_columns(first)).select_from(joined).where(wanted)
    way = start.cte("way", recursive=True)
    # In two steps: SQLite would look for (MX group, source IPs) > (…) by the MX group alone.
    next_id = func.coalesce(
        _first(way, way.c.delivery_id, mx_group=way.c.mx_group, above=way.c.source_ips),
        _first(way, way.c.delivery_id, above=way.c.mx_group),
    )
    joined, following = dialect.join_row(way, tables.part, next_id)
    return way.union_all(select(*_columns(following)).select_from(joined))


def first_parts(dialect: Dialect, way: CTE, room: Any, per_way: Any) -> CTE:
    """Of each way its first parts, until they fill the room for its MX group; at least one.

    Args:
        dialect: of the database.
        way: as ``ways`` has it.
        room: a scalar subquery over ``way``: messages that may be lent.
        per_way: so many parts at most.
    """
    columns = [way.c[name] for name in ("id", "size", *_WAY)]
    start = select(
        *columns, literal(0).label("before"), literal(1).label("place"), room.label("room")
    )
    walk = start.cte("walk", recursive=True)
    part = tables.part.alias()
    next_id = (
        select(part.c.id)
        .where(
            part.c.state == QUEUED,
            *(part.c[name] == walk.c[name] for name in _WAY),
            part.c.id > walk.c.id,
        )
        .order_by(part.c.id)
        .limit(1)
        .correlate(walk)
        .scalar_subquery()
    )
    joined, following = dialect.join_row(walk, tables.part, next_id)
    step = (
        select(*_columns(following), walk.c.before + walk.c.size, walk.c.place + 1, walk.c.room)
        .select_from(joined)
        .where(and_(walk.c.before + walk.c.size < walk.c.room, walk.c.place < per_way))
    )
    return walk.union_all(step)


def _columns(part: FromClause) -> list[ColumnElement[Any]]:
    return [part.c[name] for name in ("id", "size", *_WAY)]


def _first(of: FromClause, delivery_id: Any, *, mx_group: Any = None, above: Any = None) -> Any:
    """The number of the first queued part of a delivery in the order of ways, or behind some."""
    part = tables.part.alias()
    query: Select[Any] = select(part.c.id).where(
        part.c.state == QUEUED, part.c.delivery_id == delivery_id
    )
    if mx_group is not None:
        query = query.where(part.c.mx_group == mx_group, part.c.source_ips > above)
    elif above is not None:
        query = query.where(part.c.mx_group > above)
    query = query.order_by(part.c.mx_group, part.c.source_ips, part.c.id).limit(1)
    return query.correlate(of).scalar_subquery()
