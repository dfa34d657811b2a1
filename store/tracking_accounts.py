"""The tracking log read as a whole, beside its own counters: for those who audit it.

Reports read counters. This reads the rows, to see whether the counters say the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, distinct, func, literal, select

from mail.tracked import Kind
from store import tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Logged:
    """A row of the tracking log."""

    id: int
    delivery_id: int
    message_id: int
    url: int
    kind: Kind
    at: float  # epoch seconds
    person: str
    is_machine: bool


class Counter(NamedTuple):
    """A figure of one delivery, as rows and counters both have it."""

    delivery_id: int
    name: str  # "logs of URL 2, click", "opened", …
    is_of_humans: bool  # what machines did is left out


Counts = dict[Counter, int]


def logs(tx: Tx, after_id: int, limit: int) -> list[Logged]:
    """The next rows, by id."""
    table = tables.tracking_log
    query = select(table).where(table.c.id > after_id).order_by(table.c.id).limit(limit)
    return [
        Logged(
            row.id,
            row.delivery_id,
            row.message_id,
            row.url,
            Kind(row.kind),
            row.at,
            row.person,
            row.machine is not None,
        )
        for row in tx.connection.execute(query)
    ]


def counts_of_rows(tx: Tx) -> Counts:
    """What the log itself says; figures that are 0 are left out."""
    table = tables.tracking_log
    is_machine = case((table.c.machine.is_not(None), 1), else_=0)
    by_url = select(
        table.c.delivery_id,
        table.c.url,
        table.c.kind,
        is_machine.label("is_machine"),
        func.count().label("logs"),
    ).group_by(table.c.delivery_id, table.c.url, table.c.kind, is_machine)
    found: Counts = {}
    for row in tx.connection.execute(by_url):
        _add_by_url(found, row.delivery_id, row.url, row.kind, row.logs, is_machine=row.is_machine)
    _add_engagement_of_rows(found, tx, is_of_humans=False)
    _add_engagement_of_rows(found, tx, is_of_humans=True)
    return {key: count for key, count in found.items() if count}


def _add_engagement_of_rows(found: Counts, tx: Tx, *, is_of_humans: bool) -> None:
    table = tables.tracking_log
    is_click = table.c.kind == int(Kind.CLICK)
    is_person = and_(is_click, table.c.person != literal(""))
    query = select(
        table.c.delivery_id,
        func.count(distinct(table.c.message_id)).label("opened"),
        func.count(distinct(_where(is_click, table.c.message_id))).label("clicked"),
        func.count(_where(table.c.kind == int(Kind.OPT_OUT), table.c.id)).label("opt_outs"),
        func.count(distinct(_where(is_person, table.c.person))).label("persons"),
    ).group_by(table.c.delivery_id)
    if is_of_humans:
        query = query.where(table.c.machine.is_(None))
    for row in tx.connection.execute(query):
        for name in ("opened", "clicked", "opt_outs", "persons"):
            found[Counter(row.delivery_id, name, is_of_humans)] = getattr(row, name)


def _where(condition: ColumnElement[bool], value: ColumnElement[object]) -> ColumnElement[object]:
    """The value where the condition holds, else nothing to count."""
    return case((condition, value))


def counts_of_counters(tx: Tx) -> Counts:
    """The same figures as the roll-ups have them."""
    table = tables.rollup_tracking
    by_url = select(
        table.c.delivery_id,
        table.c.url,
        table.c.kind,
        table.c.is_machine,
        func.sum(table.c.logs).label("logs"),
    ).group_by(table.c.delivery_id, table.c.url, table.c.kind, table.c.is_machine)
    found: Counts = {}
    for row in tx.connection.execute(by_url):
        _add_by_url(
            found, row.delivery_id, row.url, row.kind, int(row.logs), is_machine=row.is_machine
        )
    engaged = tables.rollup_engagement
    names = ("opened", "clicked", "opt_outs", "persons")
    query = select(
        engaged.c.delivery_id,
        engaged.c.humans,
        *(func.sum(engaged.c[name]).label(name) for name in names),
    ).group_by(engaged.c.delivery_id, engaged.c.humans)
    for row in tx.connection.execute(query):
        for name in names:
            found[Counter(row.delivery_id, name, bool(row.humans))] = int(getattr(row, name))
    return {key: count for key, count in found.items() if count}


def counted_by_kind(tx: Tx, delivery_id: int | None) -> dict[Kind, int]:
    """Logs of a delivery, or of all, as the roll-ups have them."""
    table = tables.rollup_tracking
    query = select(table.c.kind, func.sum(table.c.logs).label("logs")).group_by(table.c.kind)
    if delivery_id is not None:
        query = query.where(table.c.delivery_id == delivery_id)
    return {Kind(row.kind): int(row.logs) for row in tx.connection.execute(query)}


def _add_by_url(
    found: Counts, delivery_id: int, url: int, kind: int, logs: int, *, is_machine: bool
) -> None:
    name = f"logs of URL {url}, {Kind(kind).label}"
    for is_of_humans in (False,) if is_machine else (False, True):
        key = Counter(delivery_id, name, is_of_humans)
        found[key] = found.get(key, 0) + logs
