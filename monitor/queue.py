"""How long mail waits, by what it waits for: the table that Postfix's qshape shows for domains.

Columns are spans of age that double from five minutes; rows are causes and affinities, or whatever
is asked for. A message's age is the time since it was queued, that is, since its submission.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from affinity.configuration import Configuration
from mail.cause import Cause
from mail.reason import Reason
from monitor.why.diagnosis import diagnose
from store import ages, past
from store.engine import Store

EDGES_MIN: Final = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
UNKNOWN: Final = "unknown"
EVERYTHING: Final[Mapping[str, str]] = MappingProxyType({})
_EDGES_S: Final = tuple(60.0 * each for each in EDGES_MIN)
SPANS: Final = len(EDGES_MIN) + 1


class By(StrEnum):
    """What a row of the table is, where it is one thing alone."""

    DOMAIN = "domain"
    AFFINITY = "affinity"
    CAUSE = "cause"
    MX_GROUP = "mx-group"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Waits:
    """Pending messages of one delivery and MX group with one cause.

    ``is_retrying`` tells those whose next attempt lies ahead from those that are queued or in
    hand; None: they may be either.
    """

    delivery_id: int
    mx_group: str
    cause: str
    messages: int
    is_retrying: bool | None = None


@dataclass(frozen=True, slots=True)
class Shaped:
    """Messages that wait, with all that a row may be made of; ``spans`` counts them by age."""

    values: Mapping[str, str]
    spans: Sequence[int]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the values of its columns, and messages by age."""

    values: tuple[str, ...]
    spans: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.spans)


@dataclass(frozen=True, slots=True)
class Queue:
    """The table; ``at`` is the time of which it tells, in epoch seconds."""

    at: float
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    is_past: bool

    @property
    def totals(self) -> tuple[int, ...]:
        return (
            tuple(map(sum, zip(*(each.spans for each in self.rows), strict=True))) or (0,) * SPANS
        )


def causes_now(store: Store, configuration: Configuration, now: float) -> Iterator[Waits]:
    """What each group waits for now. The one place that knows where causes come from."""
    for each in diagnose(store, configuration, now).groups:
        yield Waits(
            each.delivery_id, each.mx_group, each.code, each.messages, each.place == "retrying"
        )


def queue_now(
    store: Store,
    configuration: Configuration,
    now: float,
    by: By | None,
    only: Mapping[str, str] = EVERYTHING,
) -> Queue:
    """The messages that are pending now; with ``only``, those that have these values.

    Domains are counted without the rest, so that by domain nothing can be narrowed.
    """
    origins = store.read_now(ages.origins)
    aged = store.read_now(ages.of_open, now, [now - each for each in _EDGES_S])
    if by is By.DOMAIN:
        shaped = _domains_now(store, origins, aged, now)
    else:
        waits = causes_now(store, configuration, now)
        shaped = shapes(waits, origins, aged, now)
    columns = (By.CAUSE, By.AFFINITY) if by is None else (by,)
    return Queue(now, *_table(_narrowed(shaped, only), columns), is_past=False)


def _domains_now(
    store: Store, origins: Mapping[int, ages.Origin], aged: Iterable[ages.Aged], now: float
) -> Iterator[Shaped]:
    for each in store.read_now(ages.by_domain):
        origin = origins.get(each.delivery_id)
        if origin is not None and not origin.is_open:
            spans = _at(span_of(now - origin.submitted_at), each.messages)
            yield Shaped({By.DOMAIN: each.domain}, spans)
    for one in aged:
        yield Shaped({By.DOMAIN: one.domain}, _at(one.span, one.messages))


def shapes(
    waits: Iterable[Waits],
    origins: Mapping[int, ages.Origin],
    aged: Iterable[ages.Aged],
    now: float,
) -> Iterator[Shaped]:
    """Give each group its ages: those of its delivery, or those that its messages have."""
    known: dict[tuple[int, str, bool], list[int]] = {}
    for each in aged:
        key = each.delivery_id, each.mx_group, each.is_retrying
        known.setdefault(key, [0] * SPANS)[each.span] += each.messages
    for group in waits:
        origin = origins.get(group.delivery_id)
        if origin is None:
            continue  # it ended between two looks
        if origin.is_open:
            kinds = [group.is_retrying] if group.is_retrying is not None else [False, True]
            found = [
                known.get((group.delivery_id, group.mx_group, kind), [0] * SPANS) for kind in kinds
            ]
            spans = apportioned(group.messages, [sum(each) for each in zip(*found, strict=True)])
        else:
            spans = _at(span_of(now - origin.submitted_at), group.messages)
        yield Shaped(
            {
                By.CAUSE: group.cause,
                By.AFFINITY: origin.affinity,
                By.MX_GROUP: group.mx_group,
                By.DELIVERY: f"{origin.delivery_id} {origin.label}",
            },
            spans,
        )


def queue_then(
    store: Store, at: float, by: By | None, only: Mapping[str, str] = EVERYTHING
) -> Queue:
    """The messages that were pending at a time, from what is written of it; ``only`` as of now's.

    A cause is told where the event log has it: a deferral, a date ahead. What else kept a message
    (a process that did not run, a lane suspended) is written nowhere, so that it is unknown.
    """
    origins = store.read_now(past.origins, at)
    times = [at - each for each in _EDGES_S]
    found = store.read_now(past.pending, at, list(origins.values()), times)
    columns = (By.CAUSE, "state", "last deferral", By.AFFINITY) if by is None else (by,)
    shaped = (_shape_then(each, origins, at) for each in found)
    return Queue(at, *_table(_narrowed(shaped, only), columns), is_past=True)


def _narrowed(shaped: Iterable[Shaped], only: Mapping[str, str]) -> Iterator[Shaped]:
    for each in shaped:
        if all(each.values.get(name) == value for name, value in only.items()):
            yield each


def _shape_then(found: past.WasPending, origins: Mapping[int, ages.Origin], at: float) -> Shaped:
    origin = origins[found.delivery_id]
    span = found.span if origin.is_open else span_of(at - origin.submitted_at)
    values = {
        By.CAUSE: _cause_then(found, origin, at),
        "state": "retrying" if found.is_retrying else "waiting",
        "last deferral": "" if found.deferral is None else found.deferral.label,
        By.AFFINITY: origin.affinity,
        By.MX_GROUP: found.mx_group,
        By.DELIVERY: f"{origin.delivery_id} {origin.label}",
        By.DOMAIN: found.domain,
    }
    return Shaped(values, _at(span, found.messages))


def _cause_then(found: past.WasPending, origin: ages.Origin, at: float) -> str:
    if origin.contact_at > at:
        return Cause.CONTACT_DATE_AHEAD
    if not found.is_retrying:
        return UNKNOWN
    return Cause.GREYLISTED if found.deferral is Reason.GREYLISTED else Cause.RETRY_LATER


def span_of(age_s: float) -> int:
    """The column for an age; the first holds what is younger than five minutes."""
    return bisect.bisect_right(_EDGES_S, age_s)


def apportioned(messages: int, spans: Sequence[int]) -> list[int]:
    """So many messages in the proportions of ``spans``; exactly these if they are as many."""
    whole, before, told, found = sum(spans), 0, 0, []
    if not whole:
        return _at(0, messages)
    for each in spans:
        before += each
        share = round(messages * before / whole) - told
        told += share
        found.append(share)
    return found


def _at(span: int, messages: int) -> list[int]:
    found = [0] * SPANS
    found[span] = messages
    return found


def _table(
    shaped: Iterable[Shaped], columns: Sequence[str]
) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Sum up by the values of these columns, the most messages first."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for each in shaped:
        key = tuple(each.values[name] for name in columns)
        known = sums.setdefault(key, [0] * SPANS)
        for span, count in enumerate(each.spans):
            known[span] += count
    rows = [Row(values, tuple(spans)) for values, spans in sums.items() if any(spans)]
    rows.sort(key=lambda row: (-row.total, row.values))
    return tuple(str(each) for each in columns), tuple(rows)
