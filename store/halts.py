"""Instances that an operator stopped: they run no workers until they are let run again."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from store import audit, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Halt:
    """Since when (epoch seconds) and by whom an instance is stopped."""

    at: float
    by: str


def halt(tx: Tx, instance: str, by: str, at: float) -> bool:
    """Have an instance stop; returns False if it was stopped already."""
    if instance in halts(tx):
        return False
    row = {"instance": instance, "at": at, "by": by}
    tx.dialect.put_missing(tx.connection, tables.halt, [row])
    if halts(tx)[instance] != Halt(at, by):  # somebody else's, at the same moment
        return False
    audit.note(tx, at, f"mta@{instance} was stopped by {by}", level="warning")
    return True


def lift(tx: Tx, instance: str, by: str, at: float) -> bool:
    """Let an instance run again; returns False if nobody had stopped it."""
    found = tx.connection.execute(tables.halt.delete().where(tables.halt.c.instance == instance))
    if not found.rowcount:
        return False
    audit.note(tx, at, f"mta@{instance} was started again by {by}")
    return True


def halts(tx: Tx) -> dict[str, Halt]:
    """All that are stopped so, by name."""
    rows = tx.connection.execute(_HALTS)
    return {row.instance: Halt(row.at, row.by) for row in rows}


_HALTS: Final = select(tables.halt).order_by(tables.halt.c.instance)  # with every heartbeat
