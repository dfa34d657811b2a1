"""SMTP errors per destination: how many, of which kind, from which source IP, and what was said."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mail.error_kind import ErrorKind
from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from store import report_traffic
from store.engine import Tx
from store.report_tables import SLOT_S
from store.report_traffic import ErrorCount, GroupTraffic, LastReply

SLOTS: Final = 12  # bars that the modelled system cuts its time into
THRESHOLD_PER_HOUR: Final = 50  # errors of a path that the modelled system finds worth a look
LOW_PER_HOUR: Final = 50  # fewer attempts than these say little
_OF_ATTEMPTS: Final = (ErrorKind.ABORTED, ErrorKind.ERRORS, ErrorKind.REFUSED, ErrorKind.UNSENT)

FIGURES: Final = (
    Figure("attempts", "sent + deferred + failed attempts within the time", "rollup_path"),
    Figure("bytes", "of messages that were sent", "rollup_path.bytes"),
    Figure("errors", "aborted + errors + refused + unsent", "rollup_smtp_error"),
    Figure("error_rate", "errors / attempts, 0 without attempts", "rollup_smtp_error, rollup_path"),
    Figure("aborted", "no usable answer: no connection, lost, timed out", "rollup_smtp_error"),
    Figure("errors (kind)", "replies after which the message is tried again", "rollup_smtp_error"),
    Figure("refused", "replies that ended the message", "rollup_smtp_error"),
    Figure("unsent", "the content could not be made: nothing was said", "rollup_smtp_error"),
    Figure(
        "expired", "messages whose validity ended; no attempts, in no rate", "rollup_smtp_error"
    ),
    Figure(
        "slots",
        "errors / attempts in each twelfth of the time, which begin with whole slots",
        "rollup_smtp_error",
    ),
    Figure("is_low", f"fewer than {LOW_PER_HOUR} attempts per hour", "rollup_path"),
    Figure("is_over", f"more than {THRESHOLD_PER_HOUR} errors per hour", "rollup_smtp_error"),
    Figure("last_reply, at", "the newest error of the path, whenever it was", "last_reply"),
)
NOTES: Final = (
    (
        "A destination is an MX group: what one route serves, or a domain of its own. `domains` "
        "tells the recipients' domains. --domain shows one destination, --ip one source IP."
    ),
    "The last reply is the newest there is, even if it is older than the time that is shown.",
)
_REPLY: Final = (Column("last_reply", "last reply", "text"), Column("at", "at", "time"))
_GROUPS: Final = (
    Column("mx_group", "MX group", "text"),
    Column("attempts", "attempts", "number"),
    Column("sent", "sent"),
    Column("bytes", "bytes", "bytes"),
    Column("errors", "errors", "number"),
    Column("error_rate", "errors", "share"),
    Column("slots", "by twelfths", "text"),
    Column("is_low", "low volume", ""),
    *_REPLY,
)
_KINDS: Final = tuple(Column(str(each), str(each), "number") for each in ErrorKind)
_PATHS: Final = (
    Column("mx_group", "MX group", "text"),
    Column("source_ip", "source IP", "text"),
    Column("attempts", "attempts", "number"),
    Column("sent", "sent"),
    *_KINDS,
    Column("is_over", "over 50/h", ""),
    *_REPLY,
)
_DOMAINS: Final = (Column("domain", "domain", "text"), *_KINDS)
_TWELFTHS: Final = (
    Column("at", "from", "time"),
    Column("attempts", "attempts", "number"),
    Column("errors", "errors", "number"),
    Column("error_rate", "errors", "share"),
)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    span = request.span()
    traffic = report_traffic.by_group(tx, span, SLOTS)
    errors = report_traffic.errors(tx, span, SLOTS)
    replies = report_traffic.last_replies(tx)
    if request.domain is not None:
        traffic = [each for each in traffic if each.mx_group == request.domain]
        errors = [each for each in errors if request.domain in (each.mx_group, each.domain)]
        replies = [each for each in replies if request.domain in (each.mx_group, each.domain)]
    if request.source_ip is not None:
        traffic = [each for each in traffic if each.source_ip == request.source_ip]
        errors = [each for each in errors if each.source_ip == request.source_ip]
        replies = [each for each in replies if each.source_ip == request.source_ip]
    return Report(sheets(traffic, errors, replies, span.first, span.end), NOTES)


def sheets(
    traffic: Sequence[GroupTraffic],
    errors: Sequence[ErrorCount],
    replies: Sequence[LastReply],
    first: int,
    end: int,
) -> tuple[Sheet, ...]:
    """Of slots from ``first`` to before ``end``: by group, by path, by domain, over time."""
    hours = max(end - first, 1) * SLOT_S / 3600
    failed = [each for each in errors if each.kind in _OF_ATTEMPTS]
    return (
        _by_group(traffic, failed, replies, hours),
        _by_path(traffic, errors, replies, hours),
        _by_domain(errors),
        _over_time(traffic, failed, first, end),
    )


def _by_group(
    traffic: Sequence[GroupTraffic],
    failed: Sequence[ErrorCount],
    replies: Sequence[LastReply],
    hours: float,
) -> Sheet:
    tried: dict[str, list[GroupTraffic]] = {}
    wrong: dict[str, list[ErrorCount]] = {}
    said: dict[str, list[LastReply]] = {}
    for each in traffic:
        tried.setdefault(each.mx_group, []).append(each)
    for error in failed:
        wrong.setdefault(error.mx_group, []).append(error)
    for reply in replies:
        said.setdefault(reply.mx_group, []).append(reply)
    rows: list[tuple[Cell, ...]] = []
    for group in sorted({*tried, *wrong}):
        mine, bad = tried.get(group, []), wrong.get(group, [])
        attempts = sum(each.attempts for each in mine)
        errors = sum(each.errors for each in bad)
        rows.append(
            (
                group,
                attempts,
                sum(each.sent for each in mine),
                sum(each.bytes for each in mine),
                errors,
                share(errors, attempts),
                _bars(_rates(mine, bad)),
                attempts < LOW_PER_HOUR * hours,
                *_newest(said.get(group, [])),
            )
        )
    rows.sort(key=lambda row: (-int(row[4] or 0), str(row[0])))
    chart = Chart("bars", "Errors of all attempts, by MX group", "mx_group", ("error_rate",))
    return sheet("groups", "SMTP errors per destination", _GROUPS, rows, chart)


def _rates(traffic: Sequence[GroupTraffic], failed: Sequence[ErrorCount]) -> list[float | None]:
    """The error rate of each twelfth; None: nothing was tried."""
    tried: Counter[int] = Counter()
    wrong: Counter[int] = Counter()
    for each in traffic:
        tried[each.piece] += each.attempts
    for error in failed:
        wrong[error.piece] += error.errors
    return [share(wrong[at], tried[at]) if tried[at] else None for at in range(SLOTS)]


def _bars(rates: Sequence[float | None]) -> str:
    """A character for each twelfth: ``·`` nothing was tried, ``▁`` no errors, ``█`` only errors."""
    return "".join("·" if each is None else "▁▂▃▄▅▆▇█"[min(7, int(each * 8))] for each in rates)


def _newest(replies: Sequence[LastReply]) -> tuple[str | None, float | None]:
    last = max(replies, key=lambda each: each.at, default=None)
    return (None, None) if last is None else (last.said, last.at)


def _by_path(
    traffic: Sequence[GroupTraffic],
    errors: Sequence[ErrorCount],
    replies: Sequence[LastReply],
    hours: float,
) -> Sheet:
    tried: Counter[tuple[str, str]] = Counter()
    sent: Counter[tuple[str, str]] = Counter()
    kinds: Counter[tuple[str, str, ErrorKind]] = Counter()
    for each in traffic:
        tried[each.mx_group, each.source_ip] += each.attempts
        sent[each.mx_group, each.source_ip] += each.sent
    for error in errors:
        kinds[error.mx_group, error.source_ip, error.kind] += error.errors
    last: dict[tuple[str, str], list[LastReply]] = {}
    for reply in replies:
        last.setdefault((reply.mx_group, reply.source_ip), []).append(reply)
    paths = sorted({*tried, *((group, ip) for group, ip, _ in kinds)})
    rows: list[tuple[Cell, ...]] = []
    for path in paths:
        wrong = sum(kinds[*path, kind] for kind in _OF_ATTEMPTS)
        counts = [kinds[*path, kind] for kind in ErrorKind]
        is_over = wrong > THRESHOLD_PER_HOUR * hours
        newest = _newest(last.get(path, []))
        rows.append((*path, tried[path], sent[path], *counts, is_over, *newest))
    return sheet("paths", "By source IP", _PATHS, rows)


def _by_domain(errors: Sequence[ErrorCount]) -> Sheet:
    kinds: dict[str, Counter[ErrorKind]] = {}
    for each in errors:
        kinds.setdefault(each.domain, Counter())[each.kind] += each.errors
    rows: list[tuple[Cell, ...]] = [
        (domain, *(of[kind] for kind in ErrorKind))
        for domain, of in sorted(kinds.items(), key=lambda item: (-item[1].total(), item[0]))
    ]
    return sheet("domains", "By the recipients' domain", _DOMAINS, rows)


def _over_time(
    traffic: Sequence[GroupTraffic], failed: Sequence[ErrorCount], first: int, end: int
) -> Sheet:
    tried: Counter[int] = Counter()
    wrong: Counter[int] = Counter()
    for each in traffic:
        tried[each.piece] += each.attempts
    for error in failed:
        wrong[error.piece] += error.errors
    slots = end - first
    rows = [
        (
            (first + -(-at * slots // SLOTS)) * SLOT_S,
            tried[at],
            wrong[at],
            share(wrong[at], tried[at]),
        )
        for at in range(SLOTS)
    ]
    chart = Chart("lines", "Errors of all attempts, over time", "at", ("error_rate",))
    return sheet("slots", "Over time", _TWELFTHS, rows, chart)
