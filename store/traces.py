"""What an operator wants recorded of what is said on connections, and until when.

A trace without an end lasts until infinity, which both databases keep as a number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Float, bindparam, select

from mail.notation import said_duration
from store import audit, tables
from store.engine import Tx


class TraceKind(StrEnum):
    """What a trace is of."""

    ALL = "all"  # its value is empty
    LANE = "lane"
    DOMAIN = "domain"  # of recipients, with * and ?
    DELIVERY = "delivery"  # its number


@dataclass(frozen=True, slots=True)
class Trace:
    """What is recorded; ``until`` in epoch seconds, infinite where it has no end."""

    kind: TraceKind
    value: str
    until: float
    content: bool  # of messages too
    by: str

    @property
    def has_end(self) -> bool:
        return math.isfinite(self.until)

    def __str__(self) -> str:
        return f"{self.kind} {self.value}" if self.value else "every lane"


def traces(tx: Tx, now: float) -> list[Trace]:
    """Those in force."""
    return [
        Trace(TraceKind(row.kind), row.value, row.until, row.content, row.by)
        for row in tx.connection.execute(_TRACES, {"now": now})
    ]


_TRACES: Final = (  # asked for with every heartbeat
    select(tables.trace)
    .where(tables.trace.c.until > bindparam("now", type_=Float))
    .order_by(tables.trace.c.kind, tables.trace.c.value)
)


def begin(tx: Tx, wanted: Sequence[Trace], now: float) -> list[Trace]:
    """Have these recorded; one of the same kind and value is replaced. Returns all in force."""
    rows = [
        {
            "kind": str(each.kind),
            "value": each.value,
            "until": each.until,
            "content": each.content,
            "by": each.by,
        }
        for each in wanted
    ]
    tx.connection.execute(tables.trace.delete().where(tables.trace.c.until <= now))
    tx.dialect.put(tx.connection, tables.trace, rows)
    for each in wanted:
        length = f"for {said_duration(each.until - now)}" if each.has_end else "until it is ended"
        what = " with content" if each.content else ""
        audit.note(tx, now, f"{each} is traced{what} {length}: begun by {each.by}")
    return traces(tx, now)


def end(tx: Tx, wanted: Sequence[tuple[TraceKind, str]], by: str, now: float) -> list[Trace]:
    """End these before their time; returns those that were in force."""
    trace = tables.trace
    ended = [each for each in traces(tx, now) if (each.kind, each.value) in set(wanted)]
    for each in ended:
        tx.connection.execute(
            trace.delete().where(trace.c.kind == str(each.kind), trace.c.value == each.value)
        )
        audit.note(tx, now, f"{each} is not traced any more: ended by {by}")
    return ended
