"""Facts that tell whether a store needs care: what is in it, and what that costs. Read only."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mail.states import DeliveryStatus
from store import deliveries, pruning, retention, tables
from store.engine import Tx

_DAY_S: Final = 86_400.0
_NAMED: Final = 5  # deliveries that are told by number


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many deliveries there are; ``failed`` numbers the first few of ``failures``."""

    all: int
    new: int  # submitted within the last day
    failures: int
    failed: tuple[int, ...]
    messages: int  # of all deliveries, as they were submitted


def crowd(tx: Tx, now: float) -> Crowd:
    """Deliveries that are not deleted."""
    table = tables.delivery
    seen = ~retention.is_deleted(table.c.id)
    row = tx.connection.execute(
        select(func.count(), func.coalesce(func.sum(table.c.messages), 0)).where(seen)
    ).one()
    new = select(func.count()).where(seen, table.c.submitted_at > now - _DAY_S)
    is_failed = table.c.status == DeliveryStatus.FAILED
    failures = select(func.count()).where(seen, is_failed)
    first = select(table.c.id).where(seen, is_failed).order_by(table.c.id).limit(_NAMED)
    return Crowd(
        int(row[0]),
        int(tx.connection.scalar(new) or 0),
        int(tx.connection.scalar(failures) or 0),
        tuple(map(int, tx.connection.execute(first).scalars())),
        int(row[1]),
    )


@dataclass(frozen=True, slots=True)
class Start:
    """A large delivery that waits for its contact date, in epoch seconds."""

    delivery_id: int
    contact_at: float
    messages: int


def large_starts(tx: Tx, now: float, messages_min: int) -> list[Start]:
    """Large deliveries that begin from now on, in their order."""
    table = tables.delivery
    query = (
        select(table.c.id, table.c.contact_at, table.c.messages)
        .where(
            table.c.status.in_(deliveries.UNFINISHED),
            table.c.messages >= messages_min,
            table.c.contact_at > now,
        )
        .order_by(table.c.contact_at, table.c.id)
    )
    return [
        Start(row.id, row.contact_at, int(row.messages)) for row in tx.connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Attempts:
    """How attempts ended."""

    sent: int
    deferred: int
    failed: int

    @property
    def all(self) -> int:
        return self.sent + self.deferred + self.failed


def attempts_since(tx: Tx, since: float) -> Attempts:
    """Attempts since a time, by the counters of their minutes."""
    table = tables.rollup_minute
    sums = (func.coalesce(func.sum(table.c[each]), 0) for each in ("sent", "deferred", "failed"))
    row = tx.connection.execute(select(*sums).where(table.c.minute >= int(since // 60))).one()
    return Attempts(*map(int, row))


def inactive_addresses(tx: Tx, before: float) -> int:
    """Addresses whose last error is older, and which are sent to all the same."""
    table = tables.address
    query = select(func.count()).where(
        table.c.status == pruning.WITH_ERRORS, table.c.counted_at < before
    )
    return int(tx.connection.scalar(query) or 0)
