"""The tracking log and all that is counted with it, in one transaction for a piece of a file."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from mail.states import MessageStatus
from mail.tracked import Kind
from store import addresses, audit, tables
from store.engagement import HUMANS, Engagement, Firsts, NewLog, VisitorKey
from store.engine import Tx
from world.crash import reach

_CHUNK: Final = 900
_COLUMNS: Final = tuple(each.name for each in tables.tracking_log.columns if each.name != "id")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file of the server's log, in bytes; ``message_ids`` are those in it."""

    log: str
    begin: int
    end: int
    message_ids: Collection[int]


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message as far as judging what came back of it goes; times in epoch seconds."""

    delivery_id: int
    address: str
    domain: str
    submitted_at: float  # its delivery: nothing can come back before that
    sent_at: float | None  # None: the store does not know


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a piece."""

    written: int
    repeated: int  # opens of a message soon after another, and what was there already
    denied: int  # addresses that were unsubscribed


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be written of a piece; ``notes`` are warnings for the audit."""

    logs: Sequence[NewLog]
    notes: Sequence[str]


Judge = Callable[[Mapping[int, Addressed]], Judged]


def record(
    tx: Tx, piece: Piece, judge: Judge, *, dedup_opens_s: float, now: float
) -> Recorded | None:
    """Write what ``judge`` makes of the messages that there are, and count it: once and for all.

    Args:
        tx: the transaction.
        piece: what was read.
        judge: makes logs, each of a message that it was handed.
        dedup_opens_s: opens of one message within this time count once.
        now: epoch seconds, for the audit.

    Returns:
        None: somebody else has read the file further, and nothing was written.
    """
    pointer = tables.tracking_pointer
    tx.dialect.put_missing(tx.connection, pointer, [{"log": piece.log, "read_to": 0}])
    mine = pointer.c.log == piece.log
    read_to = tx.connection.scalar(select(pointer.c.read_to).where(mine).with_for_update())
    if read_to != piece.begin:
        return None
    messages = _addressed(tx, sorted(piece.message_ids))
    judged = judge(messages)
    logs = judged.logs
    known = _locked(tx, logs)
    new = _unknown(tx, logs)
    kept = list(_without_repeated(tx, new, dedup_opens_s))
    known.count(kept, {number: each.domain for number, each in messages.items()})
    reach("tracking.storing")
    _write(tx, kept, known)
    denied = _deny(tx, kept, messages)
    for note in judged.notes:
        audit.note(tx, now, note, level="warning")
    tx.connection.execute(pointer.update().where(mine).values(read_to=piece.end))
    return Recorded(len(kept), len(logs) - len(kept), denied)


def _deny(tx: Tx, logs: Sequence[NewLog], messages: Mapping[int, Addressed]) -> int:
    """Denylist those who unsubscribed; returns how many were not yet."""
    found = {messages[each.message_id].address: each for each in logs if each.kind is Kind.OPT_OUT}
    # One by one in their order: so all who lock addresses do.
    return sum(
        addresses.denylist(
            tx, [each], found[each].at, "unsubscribed by a link", found[each].delivery_id
        )
        for each in sorted(found)
    )


def _addressed(tx: Tx, message_ids: Sequence[int]) -> dict[int, Addressed]:
    message, delivery = tables.message, tables.delivery
    query = select(
        message.c.id,
        message.c.delivery_id,
        message.c.address,
        message.c.domain,
        message.c.status,
        message.c.changed_at,
        delivery.c.submitted_at,
    ).join(delivery, delivery.c.id == message.c.delivery_id)
    return {
        row.id: Addressed(
            row.delivery_id,
            row.address,
            row.domain,
            row.submitted_at,
            row.changed_at if row.status == MessageStatus.SENT else None,
        )
        for chunk in _chunks(message_ids)
        for row in tx.connection.execute(query.where(message.c.id.in_(chunk)))
    }


def _locked(tx: Tx, logs: Sequence[NewLog]) -> Engagement:
    """What is known of the messages and browsers of these logs, and nobody else's until commit.

    Two servers that both found nothing would otherwise both count a message as opened.
    """
    message, visitor = tables.tracked_message, tables.visitor
    owners = {each.message_id: each.delivery_id for each in logs}
    tx.dialect.put_missing(
        tx.connection,
        message,
        [{"message_id": number, "delivery_id": owners[number]} for number in owners],
    )
    found = Engagement({}, {})
    for chunk in _chunks(sorted(owners)):
        query = select(message).where(message.c.message_id.in_(chunk))
        query = query.order_by(message.c.message_id).with_for_update()
        for row in tx.connection.execute(query):
            found.messages[row.message_id] = Firsts(
                [row.opened_at, row.human_opened_at], [row.clicked_at, row.human_clicked_at]
            )
    people: dict[int, set[str]] = {}
    for each in logs:
        if each.kind is Kind.CLICK and each.person:
            people.setdefault(each.delivery_id, set()).add(each.person)
    for delivery_id in sorted(people):
        for persons in _chunks(sorted(people[delivery_id])):
            query = select(visitor).where(
                visitor.c.delivery_id == delivery_id, visitor.c.person.in_(persons)
            )
            for row in tx.connection.execute(query.order_by(visitor.c.person).with_for_update()):
                key: VisitorKey = (delivery_id, row.person)
                found.clicks[key] = [row.clicked_at, row.human_clicked_at]
    return found


def _unknown(tx: Tx, logs: Sequence[NewLog]) -> list[NewLog]:
    """Those that are not in the log yet: the pointer of a file may have been lost."""
    event = tables.tracking_log.c.event
    known: set[str] = set()
    for chunk in _chunks([each.event for each in logs]):
        known.update(tx.connection.scalars(select(event).where(event.in_(chunk))))
    return [each for each in logs if each.event not in known]


def _without_repeated(tx: Tx, logs: Sequence[NewLog], within_s: float) -> Iterator[NewLog]:
    """All but opens soon after, or before, another one of the same message.

    Those of machines and of people do not hide each other.
    """
    table = tables.tracking_log
    opened: dict[tuple[int, bool], list[float]] = {}
    opens = [each for each in logs if each.kind is Kind.OPEN]
    if opens:
        since = min(each.at for each in opens) - within_s
        until = max(each.at for each in opens) + within_s
        for chunk in _chunks(sorted({each.message_id for each in opens})):
            query = select(table.c.message_id, table.c.at, table.c.machine).where(
                table.c.message_id.in_(chunk),
                table.c.kind == int(Kind.OPEN),
                table.c.at.between(since, until),
            )
            for row in tx.connection.execute(query):
                opened.setdefault((row.message_id, row.machine is None), []).append(row.at)
    for each in logs:
        if each.kind is Kind.OPEN:
            times = opened.setdefault((each.message_id, each.machine is None), [])
            if any(abs(each.at - time) < within_s for time in times):
                continue
            times.append(each.at)
        yield each


def _write(tx: Tx, logs: Sequence[NewLog], known: Engagement) -> None:
    table = tables.tracking_log
    rows = [[getattr(each, name) for name in _COLUMNS] for each in logs]
    kind = _COLUMNS.index("kind")
    for row in rows:
        row[kind] = int(row[kind])
    tx.dialect.bulk_insert(tx.connection, table, _COLUMNS, rows)
    owners = {each.message_id: each.delivery_id for each in logs}
    tx.dialect.put(
        tx.connection,
        tables.tracked_message,
        [
            {
                "message_id": number,
                "delivery_id": owners[number],
                "opened_at": firsts.opened[0],
                "clicked_at": firsts.clicked[0],
                "human_opened_at": firsts.opened[HUMANS],
                "human_clicked_at": firsts.clicked[HUMANS],
            }
            for number, firsts in known.messages.items()
            if number in owners
        ],
    )
    tx.dialect.put(
        tx.connection,
        tables.visitor,
        [
            {
                "delivery_id": delivery_id,
                "person": person,
                "clicked_at": times[0],
                "human_clicked_at": times[HUMANS],
            }
            for (delivery_id, person), times in known.clicks.items()
        ],
    )
    _count(tx, known)


def _count(tx: Tx, known: Engagement) -> None:
    names = ("delivery_id", "url", "kind", "slot", "is_machine", "logs", "amount", "articles")
    tx.dialect.add_up(
        tx.connection,
        tables.rollup_tracking,
        [dict(zip(names, (*key, *sums), strict=True)) for key, sums in known.rollups.items()],
        ["logs", "amount", "articles"],
    )
    of_domain = ("delivery_id", "domain", "humans", "opened", "clicked", "opt_outs", "persons")
    tx.dialect.add_up(
        tx.connection,
        tables.rollup_engagement,
        [
            dict(zip(of_domain, (*domain, *counts), strict=True))
            for domain, counts in known.domains.items()
            if any(counts)
        ],
        ["opened", "clicked", "opt_outs", "persons"],
    )


# --- files ---------------------------------------------------------------------------------------


def read_to(tx: Tx, log: str) -> int:
    """How far a file has been read into the store, in bytes."""
    pointer = tables.tracking_pointer
    found = tx.connection.scalar(select(pointer.c.read_to).where(pointer.c.log == log))
    return int(found or 0)


def forget(tx: Tx, log: str) -> None:
    """A file is gone: nobody asks for its pointer any more."""
    pointer = tables.tracking_pointer
    tx.connection.execute(pointer.delete().where(pointer.c.log == log))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
