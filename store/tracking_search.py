"""Looking into the tracking log, and at what it comes to."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from mail.tracked import Kind
from store import tables
from store.engagement import ALL, HUMANS
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is wanted; None: everything."""

    delivery_id: int | None = None
    address: str | None = None
    kind: Kind | None = None
    humans: bool = False  # without what machines did
    message_ids: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the tracking log; ``address`` and ``label`` None: no longer known."""

    id: int
    event: str
    at: float
    delivery_id: int
    message_id: int
    address: str | None
    kind: Kind
    url: int
    label: str | None
    person: str
    agent: str
    ip: str
    machine: str | None
    page: str | None
    amount: float | None
    articles: int | None


def entries(tx: Tx, wanted: Filter, limit: int) -> list[Entry]:
    """The newest of the log, oldest first."""
    log, message, url = tables.tracking_log, tables.message, tables.tracked_url
    query: Select[Any] = (
        select(log, message.c.address, url.c.label)
        .outerjoin(message, message.c.id == log.c.message_id)
        .outerjoin(url, (url.c.delivery_id == log.c.delivery_id) & (url.c.number == log.c.url))
        .order_by(log.c.id.desc())
        .limit(limit)
    )
    if wanted.delivery_id is not None:
        query = query.where(log.c.delivery_id == wanted.delivery_id)
    if wanted.message_ids is not None:
        query = query.where(log.c.message_id.in_(sorted(wanted.message_ids)))
    if wanted.address is not None:
        own = select(message.c.id).where(message.c.address == wanted.address)
        query = query.where(log.c.message_id.in_(own))
    if wanted.kind is not None:
        query = query.where(log.c.kind == int(wanted.kind))
    if wanted.humans:
        query = query.where(log.c.machine.is_(None))
    return [
        Entry(
            row.id,
            row.event,
            row.at,
            row.delivery_id,
            row.message_id,
            row.address,
            Kind(row.kind),
            row.url,
            row.label,
            row.person,
            row.agent,
            row.ip,
            row.machine,
            row.page,
            row.amount,
            row.articles,
        )
        for row in reversed(tx.connection.execute(query).all())
    ]


@dataclass(frozen=True, slots=True)
class Indicators:
    """What came back of a delivery, from the counters.

    ``opened`` and ``clicked`` are messages, ``persons`` browsers that clicked; the rest are logs.
    """

    opened: int
    clicked: int
    persons: int
    opens: int
    clicks: int
    opt_outs: int
    pages: int
    transactions: int
    mirrors: int
    amount: float
    articles: int


def indicators(tx: Tx, delivery_id: int, *, humans_only: bool) -> Indicators:
    """The indicators of one delivery, with what machines did or without."""
    people, counts = tables.rollup_engagement, tables.rollup_tracking
    distinct = tx.connection.execute(
        select(
            *(
                func.coalesce(func.sum(people.c[each]), 0)
                for each in ("opened", "clicked", "persons")
            )
        ).where(
            people.c.delivery_id == delivery_id,
            people.c.humans == (HUMANS if humans_only else ALL),
        )
    ).one()
    query = (
        select(
            counts.c.kind,
            func.sum(counts.c.logs),
            func.sum(counts.c.amount),
            func.sum(counts.c.articles),
        )
        .where(counts.c.delivery_id == delivery_id)
        .group_by(counts.c.kind)
    )
    if humans_only:
        query = query.where(counts.c.is_machine.is_(False))
    rows = {row[0]: row for row in tx.connection.execute(query)}
    logs = {kind: int(rows[kind][1]) if kind in rows else 0 for kind in Kind}
    return Indicators(
        opened=int(distinct[0]),
        clicked=int(distinct[1]),
        persons=int(distinct[2]),
        opens=logs[Kind.OPEN],
        clicks=logs[Kind.CLICK],
        opt_outs=logs[Kind.OPT_OUT],
        pages=logs[Kind.PAGE],
        transactions=logs[Kind.TRANSACTION],
        mirrors=logs[Kind.MIRROR],
        amount=float(sum(row[2] for row in rows.values())),
        articles=int(sum(row[3] for row in rows.values())),
    )
