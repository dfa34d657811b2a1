"""User activities: opens, clicks and transactions over time; and how long readers took."""

from collections.abc import Sequence
from typing import Final

from mail.tracked import Kind
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from monitor.reports.steps import points, step_for, summed
from store import report_tracking
from store.engine import Tx
from store.report_tables import SLOT_S
from store.report_tracking import SlotLogs

KINDS: Final = (Kind.OPEN, Kind.CLICK, Kind.TRANSACTION)
TENTHS: Final = tuple(range(10, 100, 10))

ACTIVITY_FIGURES: Final = (
    Figure("opens", "logs of type 2 within the step", "rollup_tracking"),
    Figure("clicks", "logs of type 1 within the step", "rollup_tracking"),
    Figure("transactions", "logs of type 5 within the step", "rollup_tracking"),
)
ACTIVITY_NOTES: Final = (
    "Counters are of five minutes; the time is when the tracking server saw it.",
)
TRACKING_FIGURES: Final = (
    Figure(
        "opens_s, clicks_s, transactions_s",
        "from the start of the delivery to the end of the five minutes in which so much of all "
        "logs of the type, so far, had come",
        "rollup_tracking, delivery.started_at",
    ),
)
TRACKING_NOTES: Final = (
    "Of all that has come so far: while readers still read, the figures grow.",
    "Exact to five minutes, upwards. Deliveries without HTML are left out: their opens are unseen.",
)
_STEPS: Final = (
    Column("at", "from", "time"),
    Column("opens", "opens", "logs"),
    Column("clicks", "clicks", "logs"),
    Column("transactions", "transactions", "logs"),
)
_REACHED: Final = (
    Column("reached", "of all", "share"),
    Column("opens_s", "opens", "s"),
    Column("clicks_s", "clicks", "s"),
    Column("transactions_s", "transactions", "s"),
)


def build_activity(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    span = request.span()
    if request.delivery is None:
        found = report_tracking.between(tx, span.first, span.end, humans=request.humans)
        return Report((activity(found, span.first, span.end),), ACTIVITY_NOTES)
    found = report_tracking.by_slot(tx, request.scope, humans=request.humans)
    found = [each for each in found if span.first <= each.slot < span.end]
    end = found[-1].slot + 1 if found and request.until is None else span.end
    return Report((activity(found, span.first, end),), ACTIVITY_NOTES)


def activity(found: Sequence[SlotLogs], first: int, end: int) -> Sheet:
    """Logs by step, of slots from ``first`` to before ``end``."""
    step = step_for((end - first) * SLOT_S)
    sums = summed(
        [
            (each.slot, tuple(each.logs if each.kind is kind else 0 for kind in KINDS))
            for each in found
        ],
        points(first, end, step),
        step,
        len(KINDS),
    )
    rows = [(start, *counts) for start, counts in sums.items()]
    chart = Chart(
        "lines", "Opens, clicks and transactions", "at", ("opens", "clicks", "transactions")
    )
    return sheet("steps", "User activities", _STEPS, rows, chart)


def build_tracking(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    delivery = request.delivery
    assert delivery is not None, "the catalogue says that it is of one delivery"
    if report_tracking.text_only(tx, request.scope):
        return Report((reached([], delivery.contact_at),), TRACKING_NOTES)
    found = report_tracking.by_slot(tx, request.scope, humans=request.humans)
    start = delivery.contact_at if delivery.started_at is None else delivery.started_at
    return Report((reached(found, start),), TRACKING_NOTES)


def reached(found: Sequence[SlotLogs], start: float) -> Sheet:
    """Seconds until each tenth of all; None: there is nothing."""
    times = [_times([each for each in found if each.kind is kind], start) for kind in KINDS]
    rows: list[tuple[Cell, ...]] = [
        (tenth / 100, *each) for tenth, each in zip(TENTHS, zip(*times, strict=True), strict=True)
    ]
    chart = Chart("lines", "Time until so much had come", "reached", ("opens_s", "clicks_s"))
    return sheet("reached", "Tracking statistics", _REACHED, rows, chart)


def _times(logs: Sequence[SlotLogs], start: float) -> list[float | None]:
    total = sum(each.logs for each in logs)
    found: list[float | None] = []
    so_far, ahead = 0, iter(logs)
    end: float | None = None
    for tenth in TENTHS:
        while so_far * 100 < total * tenth:
            each = next(ahead)
            so_far += each.logs
            end = max(0.0, (each.slot + 1) * SLOT_S - start)
        found.append(end)
    return found
