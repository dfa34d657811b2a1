"""The breaker: what was tried on each lane within the hour, and lanes that it shuts.

A lane that it shut is suspended as by an operator, with the figures that made it. What was tried
before a lane is opened again does not count.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, or_, select

from affinity.breaker import Seen, Tally, Tripped, first_minute
from affinity.lane import LaneKey
from mail.notation import said_duration
from mail.states import MessageEvent
from store import audit, lanes, tables
from store.engine import Tx

LOOK_EVERY_S: Final = 10.0
_RECENT: Final = 5000  # transitions among which the last reply of a lane is looked for


def seen(tx: Tx, now: float, errors_min: float = 0.0) -> Seen:
    """What was tried within the hour, to MX groups with so many errors at least."""
    table, lane = tables.rollup_minute, tables.lane
    errors = func.sum(table.c.deferred + table.c.failed)
    since = table.c.minute >= first_minute(now)
    groups = select(table.c.mx_group).where(since).group_by(table.c.mx_group)
    # A little less: which share it is, is reckoned elsewhere.
    failing = list(tx.connection.execute(groups.having(errors >= errors_min - 1)).scalars())
    if not failing:
        return Seen((), {}, frozenset())
    columns = (table.c.minute, table.c.source_ip, table.c.mx_group)
    query = (
        select(*columns, func.sum(table.c.sent).label("sent"), errors.label("errors"))
        .where(since, table.c.mx_group.in_(failing))
        .group_by(*columns)
        .order_by(*columns)
    )
    tallies = [
        Tally(row.minute, row.source_ip, row.mx_group, int(row.sent + row.errors), int(row.errors))
        for row in tx.connection.execute(query)
    ]
    known = tx.connection.execute(
        select(lane).where(or_(lane.c.judged_since.is_not(None), lane.c.suspended_until > now))
    ).all()
    return Seen(
        tallies,
        {row.key: row.judged_since for row in known if row.judged_since is not None},
        frozenset(row.key for row in known if (row.suspended_until or 0.0) > now),
    )


def shut(tx: Tx, tripped: Sequence[Tripped], until: float, now: float) -> int:
    """Suspend lanes that are not suspended yet; returns how many."""
    standing = lanes.suspensions(tx, now)
    chosen = [each for each in tripped if each.lane not in standing]
    rows = []
    for each in chosen:
        because = f"{each.errors} of {each.attempts} attempts within an hour failed"
        replies = last_replies(tx, LaneKey.parse(each.lane), 1)
        because += f", the last with: {replies[0]}" if replies else ""
        rows.append(
            {
                "key": each.lane,
                "suspended_until": until,
                "suspended_because": because,
                "breaker_errors": each.errors,
                "breaker_attempts": each.attempts,
                "judged_since": until,
            }
        )
        text = f"lane {each.lane} was shut for {said_duration(until - now)} by the breaker"
        audit.note(tx, now, f"{text}: {because}", level="warning")
    tx.dialect.put(tx.connection, tables.lane, rows)
    return len(rows)


def last_replies(tx: Tx, lane: LaneKey, limit: int = 3) -> list[str]:
    """The newest error replies on a lane, as far as they are among the newest of all outcomes."""
    transition, message = tables.transition, tables.message
    newest = tx.connection.scalar(select(func.max(transition.c.id))) or 0
    query = (
        select(transition.c.code, transition.c.text)
        .join(message, message.c.id == transition.c.message_id)
        .where(
            transition.c.id > newest - _RECENT,
            transition.c.event.in_((MessageEvent.DEFERRED, MessageEvent.REFUSED)),
            message.c.mx_group == lane.mx_group,
        )
        .order_by(transition.c.id.desc())
        .limit(limit)
    )
    if lane.source_ip is not None:
        query = query.where(transition.c.source_ip == lane.source_ip)
    return [
        row.text if row.code is None else f"{row.code} {row.text}"
        for row in tx.connection.execute(query)
    ]
