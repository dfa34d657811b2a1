"""Counters, kept in the transaction of what they count, so that no report counts rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from mail.error_kind import ErrorKind
from mail.states import MessageStatus
from store import tables
from store.engine import Tx
from store.report_tables import SLOT_S

StatusKey = tuple[int, str, int]  # delivery, status, reason (0 = none; always 0 while pending)
MinuteKey = tuple[int, str, int, str, str]  # minute, mta, worker, source IP, MX group
DomainKey = tuple[int, str, str, int]  # delivery, domain, status (never pending), reason (0 = none)
PathKey = tuple[int, int, str, str]  # slot, delivery, source IP, MX group
ErrorKey = tuple[int, str, str, str, str]  # slot, MX group, source IP, domain, kind

_SUMS: Final = ("sent", "deferred", "failed", "bytes")


class SmtpError(NamedTuple):
    """One attempt that failed, or a message whose validity ended."""

    at: float
    mx_group: str
    source_ip: str
    domain: str
    kind: ErrorKind
    code: int | None
    text: str


@dataclass(slots=True)
class Changes:
    """What one transaction adds to the counters."""

    status: Counter[StatusKey] = field(default_factory=Counter)
    minute: dict[MinuteKey, list[int]] = field(default_factory=dict)
    domain: Counter[DomainKey] = field(default_factory=Counter)
    path: dict[PathKey, list[int]] = field(default_factory=dict)
    errors: Counter[ErrorKey] = field(default_factory=Counter)
    replies: dict[tuple[str, str, str], SmtpError] = field(default_factory=dict)

    def move(
        self,
        delivery_id: int,
        before: MessageStatus,
        after: MessageStatus,
        reason: int | None,
        was: int | None = None,
        *,
        number: int = 1,
    ) -> None:
        """Messages changed their status; ``reason`` is that of the new one, ``was`` the old's."""
        if before == after:
            return
        self.status[_status_key(delivery_id, before, was)] -= number
        self.status[_status_key(delivery_id, after, reason)] += number

    def attempt(
        self, key: MinuteKey, status: MessageStatus, size_bytes: int, *, number: int = 1
    ) -> None:
        """Attempts ended in this status, of so many bytes together."""
        _add_to(self.minute.setdefault(key, [0, 0, 0, 0]), status, size_bytes, number)

    def went(
        self, key: PathKey, status: MessageStatus, size_bytes: int, *, number: int = 1
    ) -> None:
        """The same attempts, by their delivery and path."""
        _add_to(self.path.setdefault(key, [0, 0, 0, 0]), status, size_bytes, number)

    def move_of_domain(
        self,
        delivery_id: int,
        domain: str,
        before: MessageStatus,
        after: MessageStatus,
        reason: int | None,
        was: int | None = None,
    ) -> None:
        """One message of a domain changed its status; as ``move``."""
        if before == after:
            return
        if before is not MessageStatus.PENDING:
            self.domain[delivery_id, domain, before, was or 0] -= 1
        if after is not MessageStatus.PENDING:
            self.domain[delivery_id, domain, after, reason or 0] += 1

    def fail(self, error: SmtpError) -> None:
        """An error for the statistics of SMTP."""
        way = (error.mx_group, error.source_ip)
        self.errors[slot_of(error.at), *way, error.domain, error.kind] += 1
        known = self.replies.get((*way, error.kind))
        if known is None or known.at <= error.at:
            self.replies[*way, error.kind] = error


def slot_of(at: float) -> int:
    """The number of the five minutes in which a time lies."""
    return int(at // SLOT_S)


def _add_to(sums: list[int], status: MessageStatus, size_bytes: int, number: int) -> None:
    if status is MessageStatus.SENT:
        sums[0] += number
        sums[3] += size_bytes
    elif status is MessageStatus.PENDING:
        sums[1] += number
    else:
        sums[2] += number


def _status_key(delivery_id: int, status: MessageStatus, reason: int | None) -> StatusKey:
    return delivery_id, status, 0 if status is MessageStatus.PENDING else reason or 0


def add(tx: Tx, changes: Changes) -> None:
    """Write the counters; always in this order, so that two writers do not wait for each other."""
    _count(tx, tables.rollup_status, ("messages",), _counted(changes.status))
    _count(tx, tables.rollup_minute, _SUMS, changes.minute)
    _count(tx, tables.rollup_domain, ("messages",), _counted(changes.domain))
    _count(tx, tables.rollup_path, _SUMS, changes.path)
    if changes.errors:
        _count(tx, tables.rollup_smtp_error, ("errors",), _counted(changes.errors))
        tx.dialect.put(tx.connection, tables.last_reply, _replies(changes))


def _counted(counter: Mapping[Any, int]) -> dict[Any, tuple[int]]:
    return {key: (count,) for key, count in counter.items() if count}


def _count(tx: Tx, table: Table, sums: Sequence[str], counted: Mapping[Any, Sequence[int]]) -> None:
    """Add to counters; each key has the values of the table's primary key in their order."""
    names = (*(column.name for column in table.primary_key), *sums)
    rows = [dict(zip(names, (*key, *each), strict=True)) for key, each in counted.items()]
    tx.dialect.add_up(tx.connection, table, rows, sums)


def _replies(changes: Changes) -> list[dict[str, Any]]:
    return [
        {
            "mx_group": each.mx_group,
            "source_ip": each.source_ip,
            "kind": str(each.kind),
            "domain": each.domain,
            "at": each.at,
            "code": each.code,
            "text": each.text,
        }
        for each in changes.replies.values()
    ]


def add_pending(tx: Tx, delivery_id: int, messages: int) -> None:
    """Messages that were submitted."""
    changes = Changes()
    changes.status[delivery_id, MessageStatus.PENDING, 0] = messages
    add(tx, changes)


def add_quarantined(tx: Tx, delivery_ids: Iterable[int]) -> None:
    """Addresses that were put in quarantine: for each the delivery whose error it was."""
    counted = {(each,): (count,) for each, count in Counter(delivery_ids).items()}
    _count(tx, tables.rollup_quarantine, ("addresses",), counted)


def forget(tx: Tx, delivery_ids: Iterable[int]) -> None:
    """Drop the counters of deliveries that never came to be."""
    ids = list(delivery_ids)
    for counts in (tables.rollup_status, tables.rollup_domain):
        tx.connection.execute(counts.delete().where(counts.c.delivery_id.in_(ids)))
