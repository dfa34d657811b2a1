"""A store with as many messages as wanted, made fast: the rows that submissions and outcomes leave.

What takes a submission minutes is written here as ``INSERT … SELECT``: the same rows in the same
order (parts as they filled, the messages of one after each other), the same counters and indexes.
``tests/store/test_backlog.py`` holds them to the invariants of every store.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, text

from affinity.configuration import Pace
from affinity.part import part_size
from affinity.plan import Plan
from mail.cause import Cause
from mail.error_kind import ErrorKind
from mail.reason import FailureType, Reason
from mail.states import DeliveryEvent, MessageStatus
from store import deliveries, parts, rollups, tables
from store.engine import Store, Tx

AFFINITY = "bench"
DOMAINS = 20  # the n-th has a share of 1/n of the first one's
VALIDITY_S = 5 * 86_400.0

_metadata = MetaData()
_series = Table("series", _metadata, Column("n", Integer, primary_key=True))
_batch = Table(
    "batch",
    _metadata,
    Column("place", Integer, primary_key=True),
    Column("part_id", BigInteger),
    Column("delivery_id", BigInteger),
    Column("domain", Text),
    Column("mx_group", Text),
    Column("first", BigInteger),
    Column("size", Integer),
)
_MESSAGES = text("""
INSERT INTO message (delivery_id, address, domain, mx_group, fields, status, attempts, part_id,
    next_attempt_at, reason, failure, source_ip, reply, changed_at, cause)
SELECT b.delivery_id, 'user' || (b.first + s.n) || '@' || b.domain, b.domain, b.mx_group,
    '{"name":"Name' || (b.first + s.n) || '","town":"Lyon"}', :status, :attempts, b.part_id,
    CASE WHEN :wait > 0 THEN :at + :wait + (b.first + s.n) % 3000 END,
    :reason, :failure, :source_ip, :reply, :at, :cause
FROM batch b JOIN series s ON s.n < b.size ORDER BY b.place, s.n
""")
_TRANSITIONS = text("""
INSERT INTO transition (message_id, delivery_id, at, event, from_status, to_status, attempt,
    reason, failure, mta, worker_id, source_ip, code, enhanced, text, duration_ms, size_bytes,
    next_attempt_at)
SELECT id, delivery_id, changed_at, :event, 'pending', status, 1, reason, failure, 'bench', 1,
    source_ip, 250, '2.0.0', reply, 3.5, 4096, next_attempt_at
FROM message WHERE delivery_id = :delivery ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages stand how, in deliveries of equal size for each of the three.

    Args:
        queued: never tried, in parts.
        deferred: tried once; they wait for their retry, which is due in 10 to 60 minutes.
        finished: sent at the first attempt, an hour ago.
        deliveries: how many of each.
    """

    queued: int
    deferred: int = 0
    finished: int = 0
    deliveries: int = 10


def fill(store: Store, backlog: Backlog, plan: Plan, now: float) -> None:
    """Fill an empty store."""
    with _unguarded(store):
        store.write_now(
            _begin, part_size(backlog.queued + backlog.deferred + backlog.finished, Pace())
        )
        for total, make in (
            (backlog.finished, _finished),
            (backlog.deferred, _deferred),
            (backlog.queued, _queued),
        ):
            for place in range(min(backlog.deliveries, total)):
                size = total // backlog.deliveries + (place < total % backlog.deliveries)
                store.write_now(make, size, plan, now)
        store.write_now(lambda tx: _metadata.drop_all(tx.connection))


@contextlib.contextmanager
def _unguarded(store: Store) -> Iterator[None]:
    """SQLite without its journal meanwhile: a fill that is killed is made anew."""
    if not store.url.startswith("sqlite"):
        yield
        return

    def put(*settings: str) -> None:
        with store.engine.execution_options(mtalab_bare=True).connect() as connection:
            for setting in settings:
                connection.exec_driver_sql(f"PRAGMA {setting}").close()

    put("journal_mode = OFF", "synchronous = OFF")  # of the pool's one connection
    yield
    put("journal_mode = WAL", "synchronous = NORMAL")


def _begin(tx: Tx, longest: int) -> None:
    _metadata.create_all(tx.connection)
    tx.dialect.bulk_insert(tx.connection, _series, ["n"], [(n,) for n in range(longest)])


def _queued(tx: Tx, messages: int, plan: Plan, now: float) -> None:
    delivery_id = _delivery(tx, "queued", messages, plan, now, is_in_parts=True)
    _write(tx, MessageStatus.PENDING, now)
    rollups.add_pending(tx, delivery_id, messages)


def _deferred(tx: Tx, messages: int, plan: Plan, now: float) -> None:
    delivery_id = _delivery(tx, "deferred", messages, plan, now)
    _write(tx, MessageStatus.PENDING, now, reply="451 4.7.1 Come back later", wait=600.0)
    rollups.add_pending(tx, delivery_id, messages)
    _tell(tx, delivery_id, "deferred", MessageStatus.PENDING, plan, now)


def _finished(tx: Tx, messages: int, plan: Plan, now: float) -> None:
    then = now - 3600.0
    delivery_id = _delivery(tx, "finished", messages, plan, then)
    _write(tx, MessageStatus.SENT, then, reply="250 2.0.0 Accepted as open-1")
    changes = rollups.Changes()
    changes.status[delivery_id, MessageStatus.SENT, 0] = messages
    rollups.add(tx, changes)
    _tell(tx, delivery_id, "accepted", MessageStatus.SENT, plan, then)
    deliveries.finish_complete(tx, then + 60.0)


def _delivery(
    tx: Tx, label: str, messages: int, plan: Plan, now: float, *, is_in_parts: bool = False
) -> int:
    """A confirmed delivery with its plans, its parts if it has any, and its batches of messages."""
    size = part_size(messages, Pace())
    until = now + VALIDITY_S
    new = deliveries.NewDelivery(label, AFFINITY, 0, size, now, now, until, "mail.eml", b"Hello")
    delivery_id = deliveries.create(tx, new)
    deliveries.advance(tx, delivery_id, DeliveryEvent.ANALYSED, now)
    table = tables.delivery
    tx.connection.execute(table.update().where(table.c.id == delivery_id).values(messages=messages))
    shares = _shares(messages)
    ways = {domain: plan(AFFINITY, domain) for domain in shares}
    tx.dialect.bulk_insert(
        tx.connection,
        tables.delivery_domain,
        ["delivery_id", "domain", "mx_group", "source_ips", "messages"],
        [
            (delivery_id, domain, ways[domain][0], parts.join_ips(ways[domain][1]), count)
            for domain, count in shares.items()
        ],
    )
    # A part is written as soon as it is full: in this order.
    batches = sorted(
        ((first + size) / count, domain, first, min(size, count - first))
        for domain, count in shares.items()
        for first in range(0, count, size)
    )
    made = [parts.Made(delivery_id, *ways[domain], number) for _, domain, _, number in batches]
    numbers = parts.insert(tx, made) if is_in_parts else [None] * len(made)
    tx.connection.execute(_batch.delete())
    tx.dialect.bulk_insert(
        tx.connection,
        _batch,
        ["place", "part_id", "delivery_id", "domain", "mx_group", "first", "size"],
        [
            (place, part_id, delivery_id, domain, ways[domain][0], first, number)
            for place, (part_id, (_, domain, first, number)) in enumerate(
                zip(numbers, batches, strict=True)
            )
        ],
    )
    deliveries.advance(tx, delivery_id, DeliveryEvent.CONFIRMED, now)
    if not is_in_parts:
        deliveries.advance(tx, delivery_id, DeliveryEvent.STARTED, now)
    return delivery_id


def _shares(messages: int) -> dict[str, int]:
    """Messages by domain: a long tail."""
    shares = [1 / rank for rank in range(1, DOMAINS + 1)]
    ends = [round(messages * sum(shares[:rank]) / sum(shares)) for rank in range(DOMAINS + 1)]
    counts = {f"d{rank}.test": ends[rank + 1] - ends[rank] for rank in range(DOMAINS)}
    return {domain: count for domain, count in counts.items() if count}


def _write(
    tx: Tx, status: MessageStatus, at: float, *, reply: str | None = None, wait: float = 0.0
) -> None:
    """The messages of the batches; with a reply they were tried once."""
    values = {
        "status": str(status),
        "attempts": int(reply is not None),
        "source_ip": None if reply is None else "127.0.1.1",
        "reply": reply,
        "reason": int(Reason.GREYLISTED) if wait else None,
        "failure": str(FailureType.IGNORED) if wait else None,
        "cause": str(Cause.GREYLISTED) if wait else None,
        "wait": wait,
        "at": at,
    }
    tx.connection.execute(_MESSAGES, values)


def _tell(
    tx: Tx, delivery_id: int, event: str, status: MessageStatus, plan: Plan, at: float
) -> None:
    """What the outcomes of a delivery's messages leave besides the messages."""
    tx.connection.execute(_TRANSITIONS, {"event": event, "delivery": delivery_id})
    changes = rollups.Changes()
    query = tables.delivery_domain.select().where(
        tables.delivery_domain.c.delivery_id == delivery_id
    )
    for row in tx.connection.execute(query):
        key = (int(at // 60), "bench", 1, "127.0.1.1", row.mx_group)
        changes.attempt(key, status, 4096 * row.messages, number=row.messages)
        path = (rollups.slot_of(at), delivery_id, "127.0.1.1", row.mx_group)
        changes.went(path, status, 4096 * row.messages, number=row.messages)
        if status is MessageStatus.SENT:
            changes.domain[delivery_id, row.domain, status, 0] = row.messages
        else:
            way = (row.mx_group, "127.0.1.1", row.domain)
            changes.errors[rollups.slot_of(at), *way, ErrorKind.ERRORS] = row.messages
    rollups.add(tx, changes)
