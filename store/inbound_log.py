"""Looking at what came back by mail."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from mail.errors import UserError
from mail.inbound import Effect, InboundKind, MatchedBy, Qualification
from mail.reason import FailureType, Reason
from store import tables
from store.engine import Tx


class UnknownInbound(UserError):
    """No mail of this number came in."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A mail that came in, without its content."""

    id: int
    received_at: float
    recipient: str
    sender: str
    kind: InboundKind
    subject: str
    delivery_id: int | None
    message_id: int | None
    address: str | None  # of that message
    matched_by: MatchedBy
    effect: Effect
    failure: FailureType | None
    reason: Reason | None
    code: int | None
    enhanced: str | None
    rule: str | None
    text: str
    qualification: Qualification


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them; None: all."""

    delivery_id: int | None = None
    kind: InboundKind | None = None
    qualification: Qualification | None = None
    message_ids: Collection[int] | None = None  # with ``delivery_ids``, whose index leads to them
    delivery_ids: Collection[int] | None = None


_HIDDEN: Final = ("digest", "content")


def find(tx: Tx, wanted: Wanted, limit: int) -> list[Inbound]:
    """Those that are wanted, the newest first."""
    table, query = tables.inbound, _query()
    for column, value in (
        (table.c.delivery_id, wanted.delivery_id),
        (table.c.kind, wanted.kind),
        (table.c.qualification, wanted.qualification),
    ):
        if value is not None:
            query = query.where(column == value)
    for column, values in (
        (table.c.delivery_id, wanted.delivery_ids),
        (table.c.message_id, wanted.message_ids),
    ):
        if values is not None:
            query = query.where(column.in_(sorted(values)))
    rows = tx.connection.execute(query.order_by(table.c.id.desc()).limit(limit))
    return [_from_row(row) for row in rows]


def get(tx: Tx, number: int) -> tuple[Inbound, bytes]:
    """One of them, and its content as it came; raises UnknownInbound."""
    table = tables.inbound
    row = tx.connection.execute(
        _query().add_columns(table.c.content).where(table.c.id == number)
    ).one_or_none()
    if row is None:
        raise UnknownInbound(
            f"no mail {number} has come back", remedy="`mtalab bounces list` shows their numbers."
        )
    return _from_row(row), bytes(row.content)


def _query() -> Any:
    table, message = tables.inbound, tables.message
    columns = [each for each in table.c if each.name not in _HIDDEN]
    return select(*columns, message.c.address).select_from(
        table.outerjoin(message, message.c.id == table.c.message_id)
    )


def _from_row(row: Row[Any]) -> Inbound:
    return Inbound(
        row.id,
        row.received_at,
        row.recipient,
        row.sender,
        InboundKind(row.kind),
        row.subject,
        row.delivery_id,
        row.message_id,
        row.address,
        MatchedBy(row.matched_by),
        Effect(row.effect),
        None if row.failure is None else FailureType(row.failure),
        None if row.reason is None else Reason(row.reason),
        row.code,
        row.enhanced,
        row.rule,
        row.text,
        Qualification(row.qualification),
    )
