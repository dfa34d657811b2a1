"""What came back by mail: kept as it came, matched, and what it does to message and address.

A mail is kept, and takes effect, in one transaction, once: one that comes again is known by its
digest. What it says is believed of a message only if its return path bears our seal, or if it
returns our Message-ID and names the recipient to whom that message went.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from affinity.configuration import AddressRules
from mail.inbound import Effect, InboundKind, MatchedBy, Qualification
from mail.message_id import MessageMark
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent, MessageStatus
from store import addresses, failure_texts, tables, transitions
from store.engine import Tx

_CHUNK: Final = 900
_NEW: Final = "new"  # between two statements of one transaction
_FAILING: Final = (InboundKind.FAILED, InboundKind.COMPLAINT)


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail says of one recipient; ``verdict`` only where it says that it failed."""

    recipients: tuple[str, ...]  # names of the same one, in the order in which they are tried
    kind: InboundKind
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that came in, read."""

    recipient: str
    sender: str  # of the envelope; empty: the null sender
    content: bytes
    digest: str
    kind: InboundKind
    subject: str
    text: str
    sealed: MessageMark | None  # what its return path names, if the seal is ours
    returned: MessageMark | None  # what the Message-ID of the returned header names
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the configuration says about it."""

    late_after_s: float  # from the message's last change
    rules: AddressRules = addresses.DEFAULT_RULES  # by which errors count for addresses


@dataclass(frozen=True, slots=True)
class _Match:
    by: MatchedBy
    message: Row[Any] | None = None
    report: Report | None = None


def take(tx: Tx, letters: Sequence[Letter], terms: Terms, at: float) -> list[int]:
    """Keep letters and let them take effect; returns their numbers, in order.

    One that is there already keeps its number, and does nothing.
    """
    table = tables.inbound
    rows = {each.digest: _row(each, at) for each in letters}
    tx.dialect.put_missing(tx.connection, table, list(rows.values()))
    numbers: dict[str, int] = {}
    fresh: set[str] = set()
    ordered = sorted(rows)
    for start in range(0, len(ordered), _CHUNK):
        query = select(table.c.id, table.c.digest, table.c.effect).where(
            table.c.digest.in_(ordered[start : start + _CHUNK])
        )
        for row in tx.connection.execute(query):
            numbers[row.digest] = row.id
            if row.effect == _NEW:
                fresh.add(row.digest)
    for each in letters:
        if each.digest in fresh:
            fresh.discard(each.digest)
            _judge(tx, numbers[each.digest], each, terms, at)
    return [numbers[each.digest] for each in letters]


def _row(letter: Letter, at: float) -> dict[str, Any]:
    return {
        "received_at": at,
        "recipient": letter.recipient,
        "sender": letter.sender,
        "kind": str(letter.kind),
        "digest": letter.digest,
        "subject": letter.subject,
        "matched_by": str(MatchedBy.NOTHING),
        "effect": _NEW,
        "text": letter.text,
        "qualification": str(Qualification.KNOWN),
        "content": letter.content,
    }


def _judge(tx: Tx, number: int, letter: Letter, terms: Terms, at: float) -> None:
    """Match a letter that was just kept, and let it take effect."""
    match = _match(tx, letter)
    report, message = match.report, match.message
    kind = letter.kind if report is None else report.kind
    verdict = None if report is None else report.verdict
    effect = Effect.NONE
    if message is not None and verdict is not None and kind in _FAILING:
        effect = _effect(tx, message, verdict, terms, at)
        if kind is InboundKind.FAILED:
            _count_text(tx, verdict, at)
        else:
            # Whoever complains gets no more mail, whatever became of the message.
            addresses.denylist(tx, [message.address], at, verdict.text, message.delivery_id)
    table = tables.inbound
    values = {
        "kind": str(kind),
        "matched_by": str(match.by),
        "effect": str(effect),
        "qualification": str(_qualification(kind, verdict)),
        "delivery_id": None if message is None else message.delivery_id,
        "message_id": None if message is None else message.id,
        **_words(verdict),
    }
    tx.connection.execute(table.update().where(table.c.id == number).values(**values))


def _qualification(kind: InboundKind, verdict: Verdict | None) -> Qualification:
    """A person has to look at what cannot be read, and at failures that no rule knows."""
    is_unclear = kind is InboundKind.UNKNOWN or (
        verdict is not None and verdict.failure is FailureType.UNDEFINED
    )
    return Qualification.TO_QUALIFY if is_unclear else Qualification.KNOWN


def _words(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {}
    return {
        "failure": None if verdict.failure is None else str(verdict.failure),
        "reason": None if verdict.reason is None else int(verdict.reason),
        "code": verdict.code,
        "enhanced": verdict.enhanced,
        "rule": verdict.rule,
        "text": verdict.text,
    }


def _match(tx: Tx, letter: Letter) -> _Match:
    """Which message a letter is about, as far as it can be believed."""
    if letter.sealed is not None:
        message = _message(tx, letter.sealed)
        if message is not None:
            return _Match(
                MatchedBy.RETURN_PATH, message, _report_about(letter, message.address, trusts=True)
            )
    if letter.returned is not None:
        message = _message(tx, letter.returned)
        report = None if message is None else _report_about(letter, message.address, trusts=False)
        if report is not None:
            return _Match(MatchedBy.MESSAGE_ID, message, report)
    first = next(iter(letter.reports), None)
    return _Match(MatchedBy.NOTHING, None, first)


def _message(tx: Tx, mark: MessageMark) -> Row[Any] | None:
    """The message, locked until commit; None: there is none, or it is another delivery's."""
    table = tables.message
    columns = ("id", "delivery_id", "address", "status", "attempts", "changed_at")
    query = (
        select(*(table.c[each] for each in columns))
        .where(table.c.id == mark.message_id, table.c.delivery_id == mark.delivery_id)
        .with_for_update()
    )
    return tx.connection.execute(query).one_or_none()


def _report_about(letter: Letter, address: str, *, trusts: bool) -> Report | None:
    """What a letter says of an address.

    If it is known otherwise whose it is, of whatever address it speaks: mail is forwarded, and the
    address that failed is then one that we never heard of.
    """
    wanted = address.lower()
    for each in letter.reports:
        if wanted in {name.lower() for name in each.recipients}:
            return each
    if not trusts:
        return None
    failing = (each for each in letter.reports if each.kind in _FAILING)
    return next(failing, next(iter(letter.reports), None))


def _count_text(tx: Tx, verdict: Verdict, at: float) -> None:
    """What failures say is counted, whether they came at once or later."""
    seen = failure_texts.Seen(
        verdict.code,
        verdict.text,
        verdict.failure or FailureType.UNDEFINED,
        verdict.reason or Reason.NOT_DEFINED,
        verdict.rule,
    )
    failure_texts.count(tx, [seen], at)


def _effect(tx: Tx, message: Row[Any], verdict: Verdict, terms: Terms, at: float) -> Effect:
    """Let a failure take effect on its message; a lock is held on it."""
    status = MessageStatus(message.status)
    if status is MessageStatus.PENDING:
        return Effect.WAITING
    if status is not MessageStatus.SENT:
        return Effect.OVER
    if at - message.changed_at > terms.late_after_s:
        return Effect.LATE
    standing = transitions.Standing(message.id, message.delivery_id, status, message.attempts)
    transitions.bounce(tx, standing, verdict, at)
    is_complaint = verdict.reason is Reason.DENYLISTED  # which is no error of the address
    if verdict.failure not in (None, FailureType.IGNORED) and not is_complaint:
        addresses.count_errors(
            tx,
            [
                addresses.AddressError(
                    message.address,
                    verdict.failure,
                    verdict.reason or Reason.NOT_DEFINED,
                    verdict.text,
                    message.delivery_id,
                    at,
                )
            ],
            terms.rules,
        )
    return Effect.FAILED


def is_settleable(tx: Tx) -> bool:
    """Whether any waited for an outcome of its message that is there now."""
    inbound, message = tables.inbound, tables.message
    query = (
        select(inbound.c.id)
        .join(message, message.c.id == inbound.c.message_id)
        .where(inbound.c.effect == str(Effect.WAITING), message.c.status != MessageStatus.PENDING)
        .limit(1)
    )
    return tx.connection.scalar(query) is not None


def settle_waiting(tx: Tx, terms: Terms, at: float, limit: int) -> int:
    """Let those take effect that waited for their message's own outcome; returns how many did."""
    inbound, message = tables.inbound, tables.message
    query = (
        select(inbound.c.id.label("number"), inbound.c.failure, inbound.c.reason, inbound.c.code)
        .add_columns(inbound.c.enhanced, inbound.c.rule, inbound.c.text, inbound.c.message_id)
        .add_columns(inbound.c.delivery_id)
        .join(message, message.c.id == inbound.c.message_id)
        .where(inbound.c.effect == str(Effect.WAITING), message.c.status != MessageStatus.PENDING)
        .order_by(inbound.c.id)
        .limit(limit)
    )
    found = tx.connection.execute(query).all()
    for row in found:
        about = _message(tx, MessageMark(row.delivery_id, row.message_id, ""))
        verdict = Verdict(
            MessageEvent.REFUSED,
            None if row.failure is None else FailureType(row.failure),
            None if row.reason is None else Reason(row.reason),
            row.text,
            row.code,
            row.enhanced,
            row.rule or "",
        )
        effect = Effect.OVER if about is None else _effect(tx, about, verdict, terms, at)
        tx.connection.execute(
            inbound.update().where(inbound.c.id == row.number).values(effect=str(effect))
        )
    return len(found)


def bounced(tx: Tx, message_ids: Iterable[int]) -> Counter[int]:
    """How often each of the messages failed after it had been sent: once, but for retries."""
    table, found = tables.transition, Counter[int]()
    ordered = sorted(message_ids)
    for start in range(0, len(ordered), _CHUNK):
        query = select(table.c.message_id).where(
            table.c.message_id.in_(ordered[start : start + _CHUNK]),
            table.c.event == str(MessageEvent.BOUNCED_LATER),
        )
        found.update(tx.connection.execute(query).scalars())
    return found


def known_digests(tx: Tx, digests: Iterable[str]) -> set[str]:
    """Those of the digests that are there."""
    table, found = tables.inbound, set[str]()
    ordered = sorted(digests)
    for start in range(0, len(ordered), _CHUNK):
        query = select(table.c.digest).where(table.c.digest.in_(ordered[start : start + _CHUNK]))
        found.update(tx.connection.execute(query).scalars())
    return found
