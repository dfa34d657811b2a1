"""Counters, kept in the transaction of what they count, so that no report counts rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from mail.states import MessageStatus
from store import tables
from store.engine import Tx

StatusKey = tuple[int, str, int]  # delivery, status, reason (0 = none; always 0 while pending)
MinuteKey = tuple[int, str, int, str, str]  # minute, mta, worker, source IP, MX group


@dataclass(slots=True)
class Changes:
    """What one transaction adds to the counters."""

    status: Counter[StatusKey] = field(default_factory=Counter)
    minute: dict[MinuteKey, list[int]] = field(default_factory=dict)

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
        sums = self.minute.setdefault(key, [0, 0, 0, 0])
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
    """Write the counters."""
    status_rows = [
        {"delivery_id": key[0], "status": key[1], "reason": key[2], "messages": count}
        for key, count in changes.status.items()
        if count
    ]
    tx.dialect.add_up(tx.connection, tables.rollup_status, status_rows, ["messages"])
    minute_rows = [
        {
            "minute": key[0],
            "mta": key[1],
            "worker_id": key[2],
            "source_ip": key[3],
            "mx_group": key[4],
            "sent": sums[0],
            "deferred": sums[1],
            "failed": sums[2],
            "bytes": sums[3],
        }
        for key, sums in changes.minute.items()
    ]
    tx.dialect.add_up(
        tx.connection, tables.rollup_minute, minute_rows, ["sent", "deferred", "failed", "bytes"]
    )


def add_pending(tx: Tx, delivery_id: int, messages: int) -> None:
    """Messages that were submitted."""
    changes = Changes()
    changes.status[delivery_id, MessageStatus.PENDING, 0] = messages
    add(tx, changes)


def forget(tx: Tx, delivery_ids: Iterable[int]) -> None:
    """Drop the counters of deliveries that never came to be."""
    counts = tables.rollup_status
    tx.connection.execute(counts.delete().where(counts.c.delivery_id.in_(list(delivery_ids))))
