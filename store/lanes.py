"""Lanes that an operator or the breaker suspended: nothing is lent on them.

Workers give back what they hold there.

A suspension without an end lasts until infinity, which both databases keep as a number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from mail.notation import said_duration
from store import audit, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Suspension:
    """A suspended lane; ``until`` in epoch seconds, infinite where it has no end.

    The breaker says how many ``errors`` of how many ``attempts`` made it shut the lane.
    """

    lane: str
    until: float
    because: str
    errors: int | None = None
    attempts: int | None = None

    @property
    def is_by_breaker(self) -> bool:
        return self.attempts is not None

    @property
    def has_end(self) -> bool:
        return math.isfinite(self.until)


def suspensions(tx: Tx, now: float) -> dict[str, Suspension]:
    """Those in force, by lane."""
    lane = tables.lane
    query = select(lane).where(lane.c.suspended_until > now).order_by(lane.c.key)
    return {
        row.key: Suspension(
            row.key,
            row.suspended_until,
            row.suspended_because or "",
            row.breaker_errors,
            row.breaker_attempts,
        )
        for row in tx.connection.execute(query)
    }


def suspend(
    tx: Tx, keys: Sequence[str], until: float, because: str, by: str, now: float
) -> list[Suspension]:
    """Suspend lanes, or change how long and why they are; returns them as they are then."""
    rows = [
        {
            "key": key,
            "suspended_until": until,
            "suspended_because": because,
            "breaker_errors": None,
            "breaker_attempts": None,
        }
        for key in sorted(set(keys))
    ]
    tx.dialect.put(tx.connection, tables.lane, rows)
    length = f"for {said_duration(until - now)}" if math.isfinite(until) else "until it is resumed"
    for row in rows:
        why = f": {because}" if because else ""
        text = f"lane {row['key']} was suspended {length} by {by}{why}"
        audit.note(tx, now, text, level="warning")
    found = suspensions(tx, now)
    return [found[str(row["key"])] for row in rows]


def resume(tx: Tx, keys: Sequence[str], by: str, now: float) -> list[str]:
    """End suspensions before their time; returns the lanes that were suspended.

    What was tried until now does not count to the breaker any more.
    """
    lane = tables.lane
    ended = [key for key in suspensions(tx, now) if key in set(keys)]
    for key in ended:
        tx.connection.execute(
            lane.update()
            .where(lane.c.key == key)
            .values(
                suspended_until=None,
                suspended_because=None,
                breaker_errors=None,
                breaker_attempts=None,
                judged_since=now,
            )
        )
        audit.note(tx, now, f"lane {key} was resumed by {by}")
    return ended
