"""The one writer of message statuses: each change and its transition row in one transaction.

Three doors: ``record`` for what workers report of their attempts, ``apply`` for what the scheduler
or an operator decides about messages that are in nobody's hand, ``bounce`` for what came back.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, bindparam, select

from affinity.configuration import AddressRules
from mail.address_status import AddressStatus
from mail.error_kind import ErrorKind, kind_of
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent, MessageStatus, message_after
from store import addresses, failure_texts, rollups, tables
from store.engine import Tx

_CHUNK: Final = 900  # below the number of variables that every SQLite build allows (999)


class Outcome(NamedTuple):
    """One attempt as its worker reports it. ``attempt`` counts from 1 and includes this one."""

    message_id: int
    delivery_id: int
    part_id: int
    epoch: int
    address: str
    attempt: int
    at: float
    verdict: Verdict
    next_attempt_at: float | None  # set for a deferral, and for nothing else
    source_ip: str
    mx_group: str
    duration_ms: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Author:
    """Who reports: instance name and worker, and by which rules errors count for addresses."""

    mta: str
    worker_id: int
    rules: AddressRules = addresses.DEFAULT_RULES


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many outcomes were written, were known already, or came from a lost lease."""

    written: int
    known: int
    fenced: int


class _SomeAreStale(Exception):
    """At least one row was not as the outcome expects it: sort them out one by one."""


def record(
    tx: Tx,
    author: Author,
    outcomes: Sequence[Outcome],
    held: AbstractSet[tuple[int, int]] | None = None,
) -> Recorded:
    """Write outcomes, skipping those already written and those whose lease is lost.

    Replaying a journal is therefore harmless: an outcome takes effect once. ``held``: those of
    their leases that ``held_by`` found in this transaction, if it was asked already.
    """
    if held is None:
        held = held_by(tx, author, {(each.part_id, each.epoch) for each in outcomes})
    current = [each for each in outcomes if (each.part_id, each.epoch) in held]
    fenced = [each for each in outcomes if (each.part_id, each.epoch) not in held]
    ours = _written_before(tx, author, fenced)
    return _record(tx, author, _allowed_for(tx, current), ours, len(fenced) - ours)


def _written_before(tx: Tx, author: Author, outcomes: Sequence[Outcome]) -> int:
    """How many of these the author wrote already: a commit can succeed and its answer be lost."""
    attempts = {(each.message_id, each.attempt) for each in outcomes}
    ids, table = sorted({each.message_id for each in outcomes}), tables.transition
    found = 0
    for start in range(0, len(ids), _CHUNK):
        query = select(table.c.message_id, table.c.attempt).where(
            table.c.message_id.in_(ids[start : start + _CHUNK]),
            table.c.worker_id == author.worker_id,
        )
        found += sum(
            (row.message_id, row.attempt) in attempts for row in tx.connection.execute(query)
        )
    return found


def _allowed_for(tx: Tx, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The outcomes; errors of allowlisted addresses are known to be nobody's fault."""
    failing = {each.address for each in outcomes if each.verdict.failure in _BLAMING}
    allowed = addresses.having(tx, failing, AddressStatus.ALLOWLISTED)
    if not allowed:
        return outcomes
    return [
        each._replace(
            verdict=each.verdict._replace(failure=FailureType.IGNORED, reason=Reason.ERROR_IGNORED)
        )
        if each.address in allowed and each.verdict.failure in _BLAMING
        else each
        for each in outcomes
    ]


def _record(
    tx: Tx, author: Author, current: Sequence[Outcome], known: int, fenced: int
) -> Recorded:
    savepoint = tx.connection.begin_nested()
    try:
        _write(tx, author, current)
        savepoint.commit()
    except _SomeAreStale:
        savepoint.rollback()
        fresh = _fresh(tx, current)
        known += len(current) - len(fresh)
        with tx.connection.begin_nested():
            _write(tx, author, fresh)
        return Recorded(len(fresh), known, fenced)
    return Recorded(len(current), known, fenced)


def held_by(tx: Tx, author: Author, leases: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the leases (part, epoch) that this worker still holds, locked until commit."""
    found: set[tuple[int, int]] = set()
    parts = sorted({part_id for part_id, _ in leases})
    table = tables.part
    for start in range(0, len(parts), _CHUNK):
        query = (
            select(table.c.id, table.c.epoch)
            .where(
                table.c.id.in_(parts[start : start + _CHUNK]),
                table.c.worker_id == author.worker_id,
            )
            .order_by(table.c.id)
            .with_for_update()
        )
        found.update((row.id, row.epoch) for row in tx.connection.execute(query))
    return leases & found


_BLAMING: Final = (FailureType.HARD, FailureType.SOFT, FailureType.UNDEFINED)
_CHANGED: Final = (
    "status",
    "attempts",
    "part_id",
    "next_attempt_at",
    "reason",
    "failure",
    "source_ip",
    "reply",
    "changed_at",
    "cause",
)
_FOUND: Final = ("id", "status", "part_id", "attempts")  # as the attempt found the message
_PENDING: Final = str(MessageStatus.PENDING)
_FIRED: Final = (
    *("message_id", "delivery_id", "at", "event", "from_status", "to_status", "attempt"),
    "reason",
)
_RECORDED: Final = (
    *_FIRED,
    *("failure", "mta", "worker_id", "source_ip", "code", "enhanced", "text"),
    *("duration_ms", "size_bytes", "next_attempt_at"),
)
_EXPIRED: Final = (MessageEvent.EXPIRED_UNTRIED, MessageEvent.EXPIRED_TRIED)
# Delivery, status after, reason, minute, source IP, MX group.
_Kind = tuple[int, str, int | None, int, str, str]


@functools.cache
def _written(event: MessageEvent) -> tuple[str, str]:
    """The words for an event and for the status after it."""
    return str(event), str(message_after(MessageStatus.PENDING, event))


def _write(tx: Tx, author: Author, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    changes = rollups.Changes()
    updates: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    alike: dict[_Kind, list[int]] = {}  # number and bytes of the outcomes that count alike
    for each in outcomes:
        verdict = each.verdict
        event, after = _written(verdict.event)
        reason = None if verdict.reason is None else int(verdict.reason)
        reply = f"{verdict.code} {verdict.text}" if verdict.code is not None else verdict.text
        failure = None if verdict.failure is None else str(verdict.failure)
        cause = None if verdict.cause is None else str(verdict.cause)
        new = (after, each.attempt, None, each.next_attempt_at, reason, failure)
        found = (each.message_id, _PENDING, each.part_id, each.attempt - 1)
        updates.append((*new, each.source_ip, reply, each.at, cause, *found))
        rows.append(
            (
                *(each.message_id, each.delivery_id, each.at, event, _PENDING, after, each.attempt),
                *(reason, failure, author.mta, author.worker_id, each.source_ip),
                *(verdict.code, verdict.enhanced, verdict.text),
                *(each.duration_ms, each.size_bytes, each.next_attempt_at),
            )
        )
        domain = each.address.rpartition("@")[2]
        if after != _PENDING:
            changes.domain[each.delivery_id, domain, after, reason or 0] += 1
        if verdict.event is not MessageEvent.ACCEPTED:
            changes.fail(_error(each, domain))
        kind = (each.delivery_id, after, reason, int(each.at // 60), each.source_ip, each.mx_group)
        counted = alike.setdefault(kind, [0, 0])
        counted[0] += 1
        counted[1] += each.size_bytes
    _count(changes, author, alike)
    changed = tx.dialect.bulk_update(tx.connection, tables.message, _CHANGED, _FOUND, updates)
    if changed != len(updates):
        raise _SomeAreStale
    tx.dialect.bulk_insert(tx.connection, tables.transition, _RECORDED, rows)
    rollups.add(tx, changes)
    failed = [each for each in outcomes if each.verdict.failure is not None]
    # Nearly all groups hold deliveries alone, to addresses that never failed.
    if failed or addresses.are_deliveries_news(tx, author.rules):
        addresses.hear(tx, _heard(outcomes), author.rules)
        failure_texts.count(tx, _texts(failed), outcomes[-1].at)


def _texts(outcomes: Sequence[Outcome]) -> Iterator[failure_texts.Seen]:
    """What was said of those that failed."""
    for each in outcomes:
        verdict = each.verdict
        yield failure_texts.Seen(
            verdict.code,
            verdict.text,
            verdict.failure or FailureType.UNDEFINED,
            verdict.reason or Reason.NOT_DEFINED,
            verdict.rule,
        )


def _heard(outcomes: Sequence[Outcome]) -> list[addresses.AddressError | addresses.Delivered]:
    """What outcomes say of their addresses."""
    heard: list[addresses.AddressError | addresses.Delivered] = []
    for each in outcomes:
        verdict = each.verdict
        if verdict.failure in _BLAMING:
            heard.append(
                addresses.AddressError(
                    each.address,
                    verdict.failure,
                    verdict.reason or Reason.NOT_DEFINED,
                    verdict.text,
                    each.delivery_id,
                    each.at,
                )
            )
        elif verdict.event is MessageEvent.ACCEPTED:
            heard.append(addresses.Delivered(each.address))
    return heard


def _count(changes: rollups.Changes, author: Author, alike: Mapping[_Kind, Sequence[int]]) -> None:
    for (delivery_id, after, reason, minute, source_ip, mx_group), counted in alike.items():
        status, (number, size) = MessageStatus(after), counted
        changes.move(delivery_id, MessageStatus.PENDING, status, reason, number=number)
        key = (minute, author.mta, author.worker_id, source_ip, mx_group)
        changes.attempt(key, status, size, number=number)
        path = (rollups.slot_of(minute * 60), delivery_id, source_ip, mx_group)
        changes.went(path, status, size, number=number)


def _error(outcome: Outcome, domain: str) -> rollups.SmtpError:
    verdict = outcome.verdict
    kind = kind_of(verdict)
    assert kind is not None, "what is accepted is no error"
    way = (outcome.mx_group, outcome.source_ip, domain)
    return rollups.SmtpError(outcome.at, *way, kind, verdict.code, verdict.text)


def _fresh(tx: Tx, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those whose message still stands where the attempt found it; in order, each once."""
    table = tables.message
    ids = [each.message_id for each in outcomes]
    standing: dict[int, tuple[int, int]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(table.c.id, table.c.part_id, table.c.attempts).where(
            table.c.id.in_(ids[start : start + _CHUNK]), table.c.status == MessageStatus.PENDING
        )
        for row in tx.connection.execute(query):
            standing[row.id] = (row.part_id, row.attempts)
    fresh = []
    for each in outcomes:
        if standing.get(each.message_id) == (each.part_id, each.attempt - 1):
            fresh.append(each)
            del standing[each.message_id]
    return fresh


@dataclass(frozen=True, slots=True)
class Standing:
    """A message as ``apply`` needs to know it."""

    message_id: int
    delivery_id: int
    status: MessageStatus
    attempts: int


def apply(
    tx: Tx,
    messages: Sequence[Standing],
    event: MessageEvent,
    at: float,
    *,
    reason: Reason | None = None,
    text: str = "",
    extra: Mapping[str, Any] | None = None,
) -> int:
    """Fire one event at messages that no worker holds; returns how many changed.

    Raises:
        IllegalTransition: the event does not fit a message's status; nothing is changed.
    """
    return _apply(tx, messages, event, at, reason, dict(extra or {}), {"text": text})


def bounce(tx: Tx, message: Standing, verdict: Verdict, at: float) -> None:
    """Fail a message that was sent, for the verdict on what came back.

    Raises:
        IllegalTransition: it was not sent; nothing is changed.
    """
    failure = None if verdict.failure is None else str(verdict.failure)
    reply = verdict.text if verdict.code is None else f"{verdict.code} {verdict.text}"
    said = {
        "failure": failure,
        "code": verdict.code,
        "enhanced": verdict.enhanced,
        "text": verdict.text,
    }
    values = {"failure": failure, "reply": reply}
    _apply(tx, [message], MessageEvent.BOUNCED_LATER, at, verdict.reason, values, said)


def _apply(
    tx: Tx,
    messages: Sequence[Standing],
    event: MessageEvent,
    at: float,
    reason: Reason | None,
    values: dict[str, Any],
    said: Mapping[str, Any],
) -> int:
    """As ``apply``; ``values`` are columns of the message, ``said`` those of its transition."""
    if not messages:
        return 0
    changes = rollups.Changes()
    code = None if reason is None else int(reason)
    known = _known(tx, messages)
    # What becomes pending again is in no part: only its time lets it be found.
    due_at = values.pop("next_attempt_at", at)
    rows, updates = [], []
    for each in messages:
        after = message_after(each.status, event)
        due = due_at if after is MessageStatus.PENDING else None
        updates.append({"_id": each.message_id, "_from": each.status, "_to": after, "_next": due})
        rows.append(
            (
                *(each.message_id, each.delivery_id, at, str(event), str(each.status), str(after)),
                *(each.attempts, code),
                *said.values(),
            )
        )
        row = known[each.message_id]
        was = None if each.status is MessageStatus.PENDING else row.reason
        changes.move(each.delivery_id, each.status, after, code, was)
        changes.move_of_domain(each.delivery_id, row.domain, each.status, after, code, was)
        if event in _EXPIRED:
            way = (row.mx_group, row.source_ip or "", row.domain)
            changes.fail(rollups.SmtpError(at, *way, ErrorKind.EXPIRED, None, said["text"]))
    table = tables.message
    statement = (
        table.update()
        .where(table.c.id == bindparam("_id"), table.c.status == bindparam("_from"))
        .values(
            status=bindparam("_to"),
            reason=code,
            changed_at=at,
            cause=None,
            part_id=None,
            next_attempt_at=bindparam("_next"),
            **values,
        )
    )
    changed = tx.connection.execute(statement, updates).rowcount
    assert changed == len(messages), "statuses changed between reading and writing them"
    tx.dialect.bulk_insert(tx.connection, tables.transition, (*_FIRED, *said), rows)
    rollups.add(tx, changes)
    return changed


def _known(tx: Tx, messages: Sequence[Standing]) -> dict[int, Row[Any]]:
    """What the counters need to know of messages: domain, way, and the reason they stand under."""
    table = tables.message
    ids = [each.message_id for each in messages]
    columns = [table.c[name] for name in ("id", "domain", "mx_group", "source_ip", "reason")]
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(*columns).where(table.c.id.in_(ids[start : start + _CHUNK]))
        found.update((row.id, row) for row in tx.connection.execute(query))
    return found
