"""Counters of what came back of messages, for reports. Read only.

``humans``: what machines did is left out.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, false, func, select

from mail.tracked import Kind, UrlMode
from store import tables
from store.engine import Tx
from store.report_scope import Scope, of, within


@dataclass(frozen=True, slots=True)
class Engagement:
    """What recipients of a domain did: distinct messages, distinct browsers, opt-out logs."""

    domain: str
    opened: int
    clicked: int
    opt_outs: int
    persons: int


@dataclass(frozen=True, slots=True)
class UrlLogs:
    """Logs of a URL of a delivery, of one kind."""

    delivery_id: int
    url: int
    kind: Kind
    logs: int
    amount: float
    articles: int


@dataclass(frozen=True, slots=True)
class SlotLogs:
    """Logs of one kind within five minutes."""

    slot: int
    kind: Kind
    logs: int


@dataclass(frozen=True, slots=True)
class NamedUrl:
    """A tracked URL of a delivery."""

    delivery_id: int
    number: int
    url: str
    label: str
    category: str
    mode: UrlMode


def _by(scope: Scope, *, humans: bool) -> list[ColumnElement[bool]]:
    table = tables.rollup_tracking
    where = [of(table.c.delivery_id, scope)]
    return [*where, table.c.is_machine == false()] if humans else where


def engagement(tx: Tx, scope: Scope, *, humans: bool) -> list[Engagement]:
    """What recipients did, by domain."""
    table = tables.rollup_engagement
    names = ("opened", "clicked", "opt_outs", "persons")
    query = (
        select(table.c.domain, *(func.sum(table.c[name]).label(name) for name in names))
        .where(of(table.c.delivery_id, scope), table.c.humans == int(humans))
        .group_by(table.c.domain)
        .order_by(table.c.domain)
    )
    return [
        Engagement(
            row.domain, int(row.opened), int(row.clicked), int(row.opt_outs), int(row.persons)
        )
        for row in tx.connection.execute(query)
    ]


def by_url(tx: Tx, scope: Scope, *, humans: bool) -> list[UrlLogs]:
    """Logs by delivery, URL and kind."""
    table = tables.rollup_tracking
    columns = (table.c.delivery_id, table.c.url, table.c.kind)
    sums: list[ColumnElement[Any]] = [
        func.sum(table.c[name]).label(name) for name in ("logs", "amount", "articles")
    ]
    query = (
        select(*columns, *sums)
        .where(*_by(scope, humans=humans))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        UrlLogs(
            row.delivery_id,
            row.url,
            Kind(row.kind),
            int(row.logs),
            float(row.amount),
            int(row.articles),
        )
        for row in tx.connection.execute(query)
    ]


def by_slot(tx: Tx, scope: Scope, *, humans: bool) -> list[SlotLogs]:
    """Logs by time and kind."""
    table = tables.rollup_tracking
    columns = (table.c.slot, table.c.kind)
    query = (
        select(*columns, func.sum(table.c.logs).label("logs"))
        .where(*_by(scope, humans=humans))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        SlotLogs(row.slot, Kind(row.kind), int(row.logs)) for row in tx.connection.execute(query)
    ]


def between(tx: Tx, first: int, end: int, *, humans: bool) -> list[SlotLogs]:
    """Logs of all deliveries from one slot to the one before another."""
    table = tables.rollup_tracking
    columns = (table.c.slot, table.c.kind)
    where = [table.c.slot >= first, table.c.slot < end]
    where += [table.c.is_machine == false()] if humans else []
    query = (
        select(*columns, func.sum(table.c.logs).label("logs"))
        .where(*where)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        SlotLogs(row.slot, Kind(row.kind), int(row.logs)) for row in tx.connection.execute(query)
    ]


def text_only(tx: Tx, scope: Scope) -> set[int]:
    """Those of the deliveries whose opens cannot be seen: they have no HTML."""
    table = tables.tracked_delivery
    query = select(table.c.delivery_id).where(of(table.c.delivery_id, scope), table.c.is_text)
    return set(tx.connection.execute(query).scalars())


def tracked(tx: Tx, scope: Scope) -> set[int]:
    """Those of the deliveries that are tracked."""
    table = tables.tracked_delivery
    query = select(table.c.delivery_id).where(of(table.c.delivery_id, scope))
    return set(tx.connection.execute(query).scalars())


def urls(tx: Tx, scope: Scope) -> list[NamedUrl]:
    """The tracked URLs of the deliveries."""
    table, delivery = tables.tracked_url, tables.delivery
    query = (
        select(table)
        .join(delivery, delivery.c.id == table.c.delivery_id)
        .where(*within(scope))
        .order_by(table.c.delivery_id, table.c.number)
    )
    return [
        NamedUrl(row.delivery_id, row.number, row.url, row.label, row.category, UrlMode(row.mode))
        for row in tx.connection.execute(query)
    ]
