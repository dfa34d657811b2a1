"""Where the newest lines of the log are looked for, so that none costs a walk through all messages.

Messages are read from the last number on until enough are found. That ends soon unless what is
wanted is rare, or lies behind a million others. Then counters tell how many there can be, or an
index of the few leads to them.

What is wanted is looked for in stretches of numbers, in each of them forwards: backwards, a file
that is in no cache takes six times as long to read.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Row, Select, exists, func, literal_column, select

from mail.states import DeliveryStatus, MessageStatus
from store import tables
from store.engine import Tx
from store.log_filter import Filter, like

_FEW: Final = 10_000  # rows that are read and sorted within some 20 ms
_RANGES_MAX: Final = 64  # deliveries
_STRETCH_FIRST: Final = 1000  # numbers; each next stretch is four times as long
_STRETCH_MOST: Final = 250_000
_CHANGES_FEW: Final = 100_000  # as long a walk as through a million messages


class Numbers(NamedTuple):
    """Between which the numbers lie, neither of them included; None: no end."""

    after: int
    before: int | None

    def hold(self, number: Column[Any]) -> list[ColumnElement[bool]]:
        is_after = number > self.after
        return [is_after] if self.before is None else [is_after, number < self.before]

    def within(self, span: tuple[int, int] | None) -> "Numbers":
        """Those of them that are in a span as well, its ends included; None: all."""
        if span is None:
            return self
        first, last = span
        before = last + 1 if self.before is None else min(self.before, last + 1)
        return Numbers(max(self.after, first - 1), before)


def newest(
    tx: Tx, query: Select[Any], wanted: Filter, limit: int, between: Numbers
) -> list[Row[Any]]:
    """The ``limit`` newest of a query over wanted messages, the last one first."""
    number = tables.message.c.id
    most = _most(tx, wanted)
    if most == 0:
        return []
    if most is not None:
        limit = min(limit, most)  # so that the walk ends with the last of them
    query, is_ordered = _ordered(tx, query, wanted)
    if is_ordered:
        return list(tx.connection.execute(query.where(*between.hold(number)).limit(limit)))
    if wanted.domain is not None and most is not None and most <= _FEW:
        between = between.within(_span(tx, wanted))
    return _backwards(tx, query, number, limit, between)


def _backwards(
    tx: Tx, query: Select[Any], number: Column[Any], limit: int, between: Numbers
) -> list[Row[Any]]:
    """The rows of a query with the highest numbers, the highest first.

    Each stretch has but one bound at either side: of two SQLite may choose the wider one.
    """
    first, last = (
        tx.connection.scalar(select(end(number)).where(*between.hold(number)))
        for end in (func.min, func.max)
    )
    top, bottom, step = int(last or 0), int(first or 0) - 1, _STRETCH_FIRST
    found: list[Row[Any]] = []
    while top > bottom and len(found) < limit:
        stretch = query.where(number > max(bottom, top - step), number <= top)
        if step == _STRETCH_FIRST or _has_any(tx, stretch, number):
            ordered = stretch.order_by(number.desc()).limit(limit - len(found))
            found += tx.connection.execute(ordered)
        top, step = top - step, min(4 * step, _STRETCH_MOST)
    return found


def _has_any(tx: Tx, stretch: Select[Any], number: Column[Any]) -> bool:
    """Read forwards as far as the first: mostly there is none, so that nothing is read twice."""
    first = stretch.with_only_columns(number, maintain_column_froms=True).limit(1)
    return tx.connection.scalar(first) is not None


def _ordered(tx: Tx, query: Select[Any], wanted: Filter) -> tuple[Select[Any], bool]:
    """The query, newest first, along the index that leads to what is wanted soonest.

    False: there is none, so that it is left in no order.
    """
    message = tables.message
    if wanted.address is not None:
        # All are walked through, which files are read for several times faster forwards: "+ 0".
        return query.order_by((message.c.id + 0).desc()), True
    if wanted.status is MessageStatus.PENDING:
        holders = _holders_of_few(tx, wanted)
        if holders is not None:
            # "+ 0": not by number, but by the index of what is pending, and sorted then.
            few = message.c.delivery_id.in_(holders), message.c.domain > ""
            return query.where(*few).order_by((message.c.id + 0).desc()), True
    elif wanted.status not in (None, MessageStatus.SENT):
        # In letters: a partial index serves only conditions that are seen to imply its own.
        words: list[ColumnElement[str]] = [
            literal_column(f"'{each}'") for each in ("pending", "sent", wanted.status)
        ]
        query = query.where(message.c.status.not_in(words[:2]), message.c.status == words[2])
        return query.order_by(message.c.id.desc()), True
    elif wanted.status or wanted.source_ip is not None or wanted.reason is not None:
        are_few = _are_changes_few(tx)
        return (_changed(query) if are_few else query), are_few
    return query, False


def _changed(query: Select[Any]) -> Select[Any]:
    """By the messages that have transitions: what was never tried is not walked through."""
    message, last = tables.message, tables.transition.alias("last")
    later = tables.transition.alias("later")
    newest_id = select(func.max(later.c.id)).where(later.c.message_id == last.c.message_id)
    is_last = last.c.id == newest_id.correlate(last).scalar_subquery()
    return (
        # "+ 0": else PostgreSQL may walk through all messages, asking each for its transition.
        query.join(last, message.c.id == last.c.message_id + 0)
        .where(is_last)
        .order_by(last.c.message_id.desc())
    )


def _are_changes_few(tx: Tx) -> bool:
    """Whether it is sooner to walk through all changes, one each, than through all messages."""
    change = tables.transition
    return int(tx.connection.scalar(select(func.max(change.c.id))) or 0) <= _CHANGES_FEW


def _is_any_unconfirmed(tx: Tx) -> bool:
    """Whether there may be messages that no counter knows yet."""
    is_editing = tables.delivery.c.status == DeliveryStatus.EDITING
    return bool(tx.connection.scalar(select(exists().where(is_editing))))


def _most(tx: Tx, wanted: Filter) -> int | None:
    """So many messages can be wanted at most; None: nothing is known."""
    found: list[int] = []
    if wanted.status not in (None, MessageStatus.PENDING):
        counts = tables.rollup_status
        query = select(func.sum(counts.c.messages)).where(counts.c.status == wanted.status)
        if wanted.delivery_id is not None:
            query = query.where(counts.c.delivery_id == wanted.delivery_id)
        if wanted.reason is not None:
            query = query.where(counts.c.reason == int(wanted.reason))
        found.append(int(tx.connection.scalar(query) or 0))
    planned = _planned_messages(tx, wanted)
    if planned is not None:
        found.append(planned)
    return min(found, default=None)


def _planned_messages(tx: Tx, wanted: Filter) -> int | None:
    """So many messages go to the domains that are wanted; None: all are, or it is not known."""
    if wanted.domain is None or _is_any_unconfirmed(tx):
        return None
    query = select(func.sum(tables.delivery_domain.c.messages)).where(*_planned(wanted))
    return int(tx.connection.scalar(query) or 0)


def _planned(wanted: Filter) -> list[ColumnElement[bool]]:
    plans = tables.delivery_domain
    where = [like(plans.c.domain, wanted.domain or "*")]
    if wanted.delivery_id is not None:
        where.append(plans.c.delivery_id == wanted.delivery_id)
    return where


def _holders_of_few(tx: Tx, wanted: Filter) -> list[int] | None:
    """The deliveries with pending messages, if they have few of them; else None."""
    if _is_any_unconfirmed(tx):
        return None
    counts = tables.rollup_status
    query = (
        select(counts.c.delivery_id, counts.c.messages)
        .where(counts.c.status == MessageStatus.PENDING, counts.c.messages > 0)
        .order_by(counts.c.delivery_id)
    )
    if wanted.delivery_id is not None:
        query = query.where(counts.c.delivery_id == wanted.delivery_id)
    rows = tx.connection.execute(query).all()
    is_few = len(rows) <= _RANGES_MAX and sum(row.messages for row in rows) <= _FEW
    return [row.delivery_id for row in rows] if is_few else None


def _span(tx: Tx, wanted: Filter) -> tuple[int, int] | None:
    """The numbers between which messages to a domain lie; None: of too many deliveries."""
    plans, message = tables.delivery_domain, tables.message
    query = select(plans.c.delivery_id).where(*_planned(wanted)).distinct().limit(_RANGES_MAX + 1)
    found = list(tx.connection.execute(query).scalars())
    if len(found) > _RANGES_MAX:
        return None
    ends: list[int] = []
    for delivery_id in found:
        for end in (func.min(message.c.id), func.max(message.c.id)):
            number = tx.connection.scalar(select(end).where(message.c.delivery_id == delivery_id))
            ends += [] if number is None else [int(number)]
    return (min(ends), max(ends)) if ends else None


def newest_changes(
    tx: Tx, query: Select[Any], wanted: Filter, limit: int, between: Numbers
) -> list[Row[Any]]:
    """The ``limit`` newest of a query over wanted transitions, the last one first."""
    most = _planned_messages(tx, wanted)
    if most == 0:
        return []
    some: ColumnElement[bool] | None = None
    if most is not None and most <= _FEW:
        some = _of_domain(wanted)
    elif wanted.delivery_id is not None:
        size = _begun(tx, wanted.delivery_id)
        if size is None:
            return []
        if size <= _FEW:
            some = tables.message.c.delivery_id == wanted.delivery_id
    number = tables.transition.c.id
    if some is None:
        return _backwards(tx, query, number, limit, between)
    few = query.where(some, *between.hold(number)).order_by((number + 0).desc()).limit(limit)
    return list(tx.connection.execute(few))


def _begun(tx: Tx, delivery_id: int) -> int | None:
    """How many messages a delivery has; None: there is no transition of it."""
    delivery = tables.delivery
    query = select(delivery.c.messages, delivery.c.started_at)
    row = tx.connection.execute(query.where(delivery.c.id == delivery_id)).one_or_none()
    if row is None or (row.started_at is None and not _is_any_over(tx, delivery_id)):
        return None
    return int(row.messages)


def _of_domain(wanted: Filter) -> ColumnElement[bool]:
    """Transitions of the messages to the domains that are wanted, found by those messages."""
    message = tables.message.alias("of_domain")
    query = select(message.c.id).where(like(message.c.domain, wanted.domain or "*"))
    if wanted.delivery_id is not None:
        query = query.where(message.c.delivery_id == wanted.delivery_id)
    return tables.transition.c.message_id.in_(query)


def _is_any_over(tx: Tx, delivery_id: int) -> bool:
    counts = tables.rollup_status
    is_over = exists().where(
        counts.c.delivery_id == delivery_id, counts.c.status != MessageStatus.PENDING
    )
    return bool(tx.connection.scalar(select(is_over)))
