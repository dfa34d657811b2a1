"""What waits, by age and by what it waits for: now, and as it was at any time before."""

from math import log2
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from lab.web.asked import BadQuestion, time_of
from lab.web.lab_here import Here
from lab.web.past_queues import steady
from lab.web.rendering import ENVIRONMENT, is_live, moment, page
from mail.cause import Cause
from mail.errors import Where
from monitor.queue import EDGES_MIN, By, Queue, Row, queue_now
from store import deliveries

router = APIRouter()
SHOWN: Final = 60  # rows, those with the most messages
HEATS: Final = 5
_STEPS: Final = 240  # of the slider
_STOPS_MOST: Final = 24
# Of the times between its buttons, in seconds, the first that makes few enough.
_BETWEEN_S: Final = (
    10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000,
)  # fmt: skip
TABS: Final = (
    (None, "Cause and affinity"),
    (By.CAUSE, "Cause"),
    (By.AFFINITY, "Affinity"),
    (By.DELIVERY, "Delivery"),
    (By.MX_GROUP, "MX group"),
    (By.DOMAIN, "Domain"),
)
_CAUSES: Final = frozenset(map(str, Cause))
_AsOf = Annotated[str | None, Query(max_length=40, description="A time, or 2h for hours ago.")]


_Value = Annotated[str | None, Query(max_length=255)]


class Narrowed(NamedTuple):
    """Rows of which kind, and only of messages that have these values."""

    by: By | None
    only: dict[str, str]

    @property
    def query(self) -> dict[str, str]:
        """Of an address that shows the same."""
        return self.only if self.by is None or self.only else {"by": self.by}

    def words(self) -> str:
        return ", ".join(f"{name} {value.replace('_', ' ')}" for name, value in self.only.items())


def _narrowed(
    by: By | None = None, cause: _Value = None, affinity: _Value = None, group: _Value = None
) -> Narrowed:
    """Whoever asks for a value wants to see its deliveries: they lead to the messages."""
    given = {By.CAUSE: cause, By.AFFINITY: affinity, "group": group}
    only = {str(name): value for name, value in given.items() if value}
    return Narrowed(By.DELIVERY if only else by, only)


_Wanted = Annotated[Narrowed, Depends(_narrowed)]


@router.get("/queue")
def queue(request: Request, lab: Here, wanted: _Wanted, as_of: _AsOf = None) -> HTMLResponse:
    now = lab.now()
    at = _at(as_of, now)
    first = lab.read(deliveries.first_submitted_at)
    by, values = wanted.by, _values(wanted)
    found = queue_now(lab.store, lab.loaded.configuration, now, by, values)
    then = None
    if at is not None and not is_live(request):  # it stands beside what is live
        then = _shown(lab.past_queues.at(at, by, now, values), wanted)
    return page(
        request,
        lab,
        "queue.html",
        {
            "here": "queue",
            "title": "Queue",
            "tabs": [(each, label, _address(each, as_of)) for each, label in TABS],
            "by": by,
            "narrowed": wanted.words(),
            "wanted": urlencode(wanted.query),
            "queue": _shown(found, wanted),
            "then": then,
            "slider": None if first is None else _slider(first, now, now if at is None else at),
        },
    )


@router.get("/queue/then")
def before(lab: Here, at: _AsOf, wanted: _Wanted) -> HTMLResponse:
    """How it stood at a time: a part of a page, for its slider."""
    now = lab.now()
    when = _at(at, now)
    if when is None:
        raise BadQuestion("which time is not said", where=Where(key="at"))
    template = ENVIRONMENT.get_template("queue_then.html")
    found = lab.past_queues.at(when, wanted.by, now, _values(wanted))
    return HTMLResponse(template.render(then=_shown(found, wanted)))


def _values(wanted: Narrowed) -> dict[str, str]:
    """As the table names them."""
    return {By.MX_GROUP if name == "group" else name: each for name, each in wanted.only.items()}


def _address(by: By | None, as_of: str | None) -> str:
    fields = {"by": by, "as_of": as_of}
    query = urlencode({name: value for name, value in fields.items() if value})
    return f"/queue?{query}" if query else "/queue"


def _at(text: str | None, now: float) -> float | None:
    at = time_of("as_of", text, now)
    at = at if at is None or text is None else steady(text, at, now)
    # A slider's end is rounded, and a page is a moment behind.
    return None if at is None else min(at, now)


def _slider(first: float, now: float, at: float) -> dict[str, Any]:
    """From the first submission to now, with stops at round times."""
    first, last = float(int(first)), float(int(now) + 1)
    span = max(1.0, last - first)
    between = next((each for each in _BETWEEN_S if span / each <= _STOPS_MOST), _BETWEEN_S[-1])
    start = (first // between + 1) * between
    stops = [start + between * number for number in range(int((last - start) / between) + 1)]
    return {
        "first": first,
        "last": last,
        "step": max(1, int(span / _STEPS)),
        "value": min(max(at, first), last),
        "stops": stops,
    }


def _shown(found: Queue, wanted: Narrowed) -> dict[str, Any]:
    """The table with the heat of its cells, by doublings of what is most."""
    most = max((count for row in found.rows for count in row.spans), default=0)
    return {
        "at": found.at,
        "columns": found.columns,
        "heads": [f"under {EDGES_MIN[0]}", *map(_from, EDGES_MIN)],
        "rows": [
            {
                "values": [
                    (value, _leads_to(name, value))
                    for name, value in zip(found.columns, row.values, strict=True)
                ],
                "cells": [(count, _heat(count, most)) for count in row.spans],
                "total": row.total,
                "href": _messages_of(found, row, wanted),
            }
            for row in found.rows[:SHOWN]
        ],
        "more": max(0, len(found.rows) - SHOWN),
        "totals": found.totals,
        "total": sum(found.totals),
        "said": f"{moment(found.at)}: {sum(found.totals):,} pending",
    }


def _messages_of(found: Queue, row: Row, wanted: Narrowed) -> str | None:
    """Where the messages of a row are: by its deliveries, if it is not one itself.

    What was pending then may be over now: a row of the past leads to the whole log.
    """
    values = dict(zip(found.columns, row.values, strict=True))
    if By.DELIVERY in values:
        root = f"/deliveries/{values[By.DELIVERY].partition(' ')[0]}"
        if found.is_past:
            return f"{root}/log"
        cause = wanted.only.get(By.CAUSE)
        return f"{root}/log?status=pending" if cause is None else f"{root}/pending#{cause}"
    names = {By.CAUSE: "cause", By.AFFINITY: "affinity", By.MX_GROUP: "group"}
    only = {to: values[name] for name, to in names.items() if name in values}
    if found.is_past and only:
        only["as_of"] = str(found.at)
    return f"/queue?{urlencode(only)}" if only else None


def _from(minutes: int) -> str:
    """The least age of a column, as short as it can be said."""
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.2g} h"


def _heat(count: int, most: int) -> int:
    """1 to 5; 0 is nothing."""
    if not count:
        return 0
    return max(1, HEATS - int(log2(most / count)))


def _leads_to(name: str, value: str) -> str | None:
    if name == By.CAUSE and value in _CAUSES:
        return f"/causes#{value}"
    if name == By.DELIVERY:
        return f"/deliveries/{value.partition(' ')[0]}/pending"
    return "/affinities" if name == By.AFFINITY else None
