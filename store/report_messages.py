"""Counters of messages, for reports: by status and reason, of deliveries and domains. Read only."""

from dataclasses import dataclass

from sqlalchemy import func, select

from mail.reason import Reason
from mail.states import MessageStatus
from store import tables
from store.engine import Tx
from store.report_scope import Scope, of


@dataclass(frozen=True, slots=True)
class StatusCount:
    """Messages of a delivery in a status for a reason (NOT_DEFINED: none)."""

    delivery_id: int
    status: MessageStatus
    reason: Reason
    messages: int


@dataclass(frozen=True, slots=True)
class DomainCount:
    """Messages to a domain that are over, of all deliveries in question."""

    domain: str
    status: MessageStatus
    reason: Reason
    messages: int


def by_status(tx: Tx, scope: Scope) -> list[StatusCount]:
    """Messages by delivery, status and reason."""
    table = tables.rollup_status
    query = (
        select(table)
        .where(of(table.c.delivery_id, scope), table.c.messages != 0)
        .order_by(table.c.delivery_id, table.c.status, table.c.reason)
    )
    return [
        StatusCount(
            row.delivery_id, MessageStatus(row.status), Reason(row.reason), int(row.messages)
        )
        for row in tx.connection.execute(query)
    ]


def by_domain(tx: Tx, scope: Scope) -> list[DomainCount]:
    """Messages that are over, by domain, status and reason."""
    table = tables.rollup_domain
    columns = (table.c.domain, table.c.status, table.c.reason)
    messages = func.sum(table.c.messages)
    query = (
        select(*columns, messages.label("messages"))
        .where(of(table.c.delivery_id, scope))
        .group_by(*columns)
        .having(messages != 0)
        .order_by(*columns)
    )
    return [
        DomainCount(row.domain, MessageStatus(row.status), Reason(row.reason), int(row.messages))
        for row in tx.connection.execute(query)
    ]


def submitted(tx: Tx, scope: Scope) -> dict[str, int]:
    """Messages by domain, whatever became of them."""
    table = tables.delivery_domain
    query = (
        select(table.c.domain, func.sum(table.c.messages).label("messages"))
        .where(of(table.c.delivery_id, scope))
        .group_by(table.c.domain)
        .order_by(table.c.domain)
    )
    return {row.domain: int(row.messages) for row in tx.connection.execute(query)}


def quarantined(tx: Tx, scope: Scope) -> dict[int, int]:
    """Addresses that went into quarantine for errors of each delivery."""
    table = tables.rollup_quarantine
    query = select(table).where(of(table.c.delivery_id, scope)).order_by(table.c.delivery_id)
    return {row.delivery_id: int(row.addresses) for row in tx.connection.execute(query)}
