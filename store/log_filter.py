"""What of the log is wanted, and the conditions that say so."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select

from mail.reason import Reason
from mail.states import MessageStatus
from store import tables


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is wanted; None: everything. ``domain`` may hold * and ?."""

    delivery_id: int | None = None
    message_id: int | None = None
    status: MessageStatus | None = None
    domain: str | None = None
    source_ip: str | None = None
    reason: Reason | None = None
    since: float | None = None
    until: float | None = None
    address: str | None = None  # as messages have it


def narrow(query: Select[Any], wanted: Filter) -> Select[Any]:
    """A query over messages, restricted to those wanted."""
    table = tables.message
    query = narrow_by(query, wanted, table.c.status, table.c.changed_at)
    query = by_delivery_and_ip(query, wanted, table)
    if wanted.message_id is not None:
        query = query.where(table.c.id == wanted.message_id)
    if wanted.reason is not None:
        query = query.where(table.c.reason == int(wanted.reason))
    if wanted.address is not None:
        query = query.where(table.c.address == wanted.address)
    return query


def narrow_by(query: Select[Any], wanted: Filter, status: Any, at: Any) -> Select[Any]:
    if wanted.status is not None:
        query = query.where(status == wanted.status)
    if wanted.since is not None:
        query = query.where(at >= wanted.since)
    if wanted.until is not None:
        query = query.where(at < wanted.until)
    if wanted.domain is not None:
        query = query.where(like(tables.message.c.domain, wanted.domain))
    return query


def by_delivery_and_ip(query: Select[Any], wanted: Filter, table: Any) -> Select[Any]:
    if wanted.delivery_id is not None:
        query = query.where(table.c.delivery_id == wanted.delivery_id)
    if wanted.source_ip is not None:
        query = query.where(table.c.source_ip == wanted.source_ip)
    return query


def like(column: Any, pattern: str) -> ColumnElement[bool]:
    """Whether a domain is of a pattern with * and ?."""
    pattern = pattern.lower()
    for character in ("\\", "%", "_"):
        pattern = pattern.replace(character, "\\" + character)
    pattern = pattern.replace("*", "%").replace("?", "_")
    found: ColumnElement[bool] = column.like(pattern, escape="\\")
    return found
