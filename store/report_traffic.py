"""Counters of attempts, for reports: by time, path and kind of error. Read only.

Times are whole slots of five minutes; ``until`` is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Label, Table, func, literal_column, select

from mail.error_kind import ErrorKind
from store import parts, tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Span:
    """Slots from ``first`` to the one before ``end``; of one delivery or of all."""

    first: int
    end: int
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True)
class SlotTraffic:
    """Outcomes within a slot; bytes of what was sent."""

    slot: int
    sent: int
    deferred: int
    failed: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PathTraffic:
    """Outcomes of an affinity's mail by a source IP to an MX group."""

    affinity: str
    source_ip: str
    mx_group: str
    sent: int
    deferred: int
    failed: int
    bytes: int

    @property
    def attempts(self) -> int:
        return self.sent + self.deferred + self.failed


@dataclass(frozen=True, slots=True)
class GroupTraffic:
    """Outcomes by a source IP to an MX group, within a piece of the time, counted from 0."""

    piece: int
    mx_group: str
    source_ip: str
    sent: int
    attempts: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Errors of one kind on a path to a domain, within a piece of the time, counted from 0."""

    piece: int
    mx_group: str
    source_ip: str
    domain: str
    kind: ErrorKind
    errors: int


@dataclass(frozen=True, slots=True)
class LastReply:
    """The newest error of a kind on a path."""

    mx_group: str
    source_ip: str
    kind: ErrorKind
    domain: str
    at: float
    code: int | None
    text: str

    @property
    def said(self) -> str:
        return self.text if self.code is None else f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The source IPs that an affinity's masks admitted for messages to an MX group."""

    affinity: str
    mx_group: str
    source_ips: tuple[str, ...]
    messages: int


def _within(table: Table, span: Span) -> list[ColumnElement[bool]]:
    where = [table.c.slot >= span.first, table.c.slot < span.end]
    if span.delivery_id is not None:
        where.append(table.c.delivery_id == span.delivery_id)
    return where


def _sums(table: Table) -> Sequence[ColumnElement[Any]]:
    return [func.sum(table.c[name]).label(name) for name in ("sent", "deferred", "failed", "bytes")]


def by_slot(tx: Tx, span: Span) -> list[SlotTraffic]:
    """Outcomes by slot, of those slots that have any."""
    table = tables.rollup_path
    query = (
        select(table.c.slot, *_sums(table))
        .where(*_within(table, span))
        .group_by(table.c.slot)
        .order_by(table.c.slot)
    )
    return [
        SlotTraffic(row.slot, int(row.sent), int(row.deferred), int(row.failed), int(row.bytes))
        for row in tx.connection.execute(query)
    ]


def by_path(tx: Tx, span: Span) -> list[PathTraffic]:
    """Outcomes by affinity, source IP and MX group."""
    table, delivery = tables.rollup_path, tables.delivery
    columns = (delivery.c.affinity, table.c.source_ip, table.c.mx_group)
    query = (
        select(*columns, *_sums(table))
        .join(delivery, delivery.c.id == table.c.delivery_id)
        .where(*_within(table, span))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        PathTraffic(
            row.affinity,
            row.source_ip,
            row.mx_group,
            int(row.sent),
            int(row.deferred),
            int(row.failed),
            int(row.bytes),
        )
        for row in tx.connection.execute(query)
    ]


def by_group(tx: Tx, span: Span, pieces: int) -> list[GroupTraffic]:
    """Outcomes by MX group and source IP in so many equal pieces of the time."""
    table = tables.rollup_path
    columns = (_piece(table, span, pieces), table.c.mx_group, table.c.source_ip)
    query = (
        select(*columns, *_sums(table))
        .where(*_within(table, span))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        GroupTraffic(
            row.piece,
            row.mx_group,
            row.source_ip,
            int(row.sent),
            int(row.sent + row.deferred + row.failed),
            int(row.bytes),
        )
        for row in tx.connection.execute(query)
    ]


def errors(tx: Tx, span: Span, pieces: int) -> list[ErrorCount]:
    """Errors of the whole lab by path, domain and kind in so many equal pieces of the time."""
    table = tables.rollup_smtp_error
    names = ("mx_group", "source_ip", "domain", "kind")
    columns = (_piece(table, span, pieces), *(table.c[name] for name in names))
    query = (
        select(*columns, func.sum(table.c.errors).label("errors"))
        .where(table.c.slot >= span.first, table.c.slot < span.end)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        ErrorCount(
            row.piece,
            row.mx_group,
            row.source_ip,
            row.domain,
            ErrorKind(row.kind),
            int(row.errors),
        )
        for row in tx.connection.execute(query)
    ]


def _piece(table: Table, span: Span, pieces: int) -> Label[int]:
    # Written out: PostgreSQL takes no two parameters for the same expression.
    slots = max(span.end - span.first, 1)
    text = f"({table.name}.slot - {span.first}) * {pieces} / {slots}"
    return literal_column(text, BigInteger).label("piece")


def last_replies(tx: Tx) -> list[LastReply]:
    """The newest errors of all paths, by MX group and source IP."""
    table = tables.last_reply
    query = select(table).order_by(*table.primary_key)
    return [
        LastReply(
            row.mx_group,
            row.source_ip,
            ErrorKind(row.kind),
            row.domain,
            row.at,
            row.code,
            row.text,
        )
        for row in tx.connection.execute(query)
    ]


def admitted(tx: Tx, span: Span) -> list[Admitted]:
    """What the deliveries that were tried were planned with, by affinity and MX group."""
    plans, delivery, table = tables.delivery_domain, tables.delivery, tables.rollup_path
    tried = select(table.c.delivery_id).where(*_within(table, span)).distinct()
    columns = (delivery.c.affinity, plans.c.mx_group, plans.c.source_ips)
    query = (
        select(*columns, func.sum(plans.c.messages).label("messages"))
        .join(delivery, delivery.c.id == plans.c.delivery_id)
        .where(plans.c.delivery_id.in_(tried))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Admitted(row.affinity, row.mx_group, parts.split_ips(row.source_ips), int(row.messages))
        for row in tx.connection.execute(query)
    ]


def largest_part(tx: Tx, span: Span) -> int:
    """Messages in a part of the deliveries that were tried, at most."""
    delivery, table = tables.delivery, tables.rollup_path
    tried = select(table.c.delivery_id).where(*_within(table, span)).distinct()
    query = select(func.max(delivery.c.part_size)).where(delivery.c.id.in_(tried))
    return int(tx.connection.scalar(query) or 1)
