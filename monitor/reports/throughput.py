"""Throughput: what went out per hour, by how it ended, and how many bits per second that was."""

from collections.abc import Sequence
from typing import Final

from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Chart, Column, Figure, Report, Sheet, sheet
from monitor.reports.steps import points, step_for, summed
from store import report_traffic
from store.engine import Tx
from store.report_tables import SLOT_S
from store.report_traffic import SlotTraffic, Span

FIGURES: Final = (
    Figure("sent, deferred, failed", "attempts that ended so within the step", "rollup_path"),
    Figure(
        "sent_per_hour, deferred_per_hour, failed_per_hour",
        "the same x 3600 / seconds of the step; errors are the latter two together",
        "rollup_path",
    ),
    Figure("bits_per_s", "bytes of sent messages x 8 / seconds of the step", "rollup_path.bytes"),
    Figure("peak_per_hour", "the highest sent_per_hour of a step", "rollup_path.sent"),
    Figure("success", "sent / (sent + deferred + failed), 0 without attempts", "rollup_path"),
)
NOTES: Final = (
    "An attempt counts when it ends. A message that bounces later was sent, and stays so here.",
    "The first and the last step may be under way: they are divided by their whole length.",
)
_STEPS: Final = (
    Column("at", "from", "time"),
    Column("sent", "sent"),
    Column("deferred", "deferred"),
    Column("failed", "failed"),
    Column("sent_per_hour", "sent/h", "messages/h"),
    Column("deferred_per_hour", "deferred/h", "messages/h"),
    Column("failed_per_hour", "failed/h", "messages/h"),
    Column("bits_per_s", "bit/s", "bit/s"),
)
_TOTAL: Final = (
    Column("attempts", "attempts", "number"),
    Column("sent", "sent"),
    Column("deferred", "deferred"),
    Column("failed", "failed"),
    Column("success", "success", "share"),
    Column("bytes", "bytes", "bytes"),
    Column("step_s", "step", "s"),
    Column("peak_per_hour", "most sent/h", "messages/h"),
)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    span = request.span()
    found = report_traffic.by_slot(tx, span)
    if request.delivery is not None and request.until is None and found:
        span = Span(span.first, found[-1].slot + 1, span.delivery_id)  # it may be long over
    return Report(sheets(found, span.first, span.end), NOTES)


def sheets(found: Sequence[SlotTraffic], first: int, end: int) -> tuple[Sheet, ...]:
    """The sheets for slots from ``first`` to before ``end``."""
    step = step_for((end - first) * SLOT_S)
    sums = summed(
        [(each.slot, (each.sent, each.deferred, each.failed, each.bytes)) for each in found],
        points(first, end, step),
        step,
        4,
    )
    rows = [
        (
            start,
            sent,
            deferred,
            failed,
            *(3600 * each / step for each in (sent, deferred, failed)),
            8 * size / step,
        )
        for start, (sent, deferred, failed, size) in sums.items()
    ]
    sent, deferred, failed, size = (sum(each) for each in zip([0] * 4, *sums.values(), strict=True))
    attempts = sent + deferred + failed
    peak = 3600 * max((each[0] for each in sums.values()), default=0) / step
    total = (attempts, sent, deferred, failed, share(sent, attempts), size, step, peak)
    return (
        sheet(
            "steps",
            "Throughput",
            _STEPS,
            rows,
            Chart(
                "stacked",
                "Messages per hour",
                "at",
                ("sent_per_hour", "deferred_per_hour", "failed_per_hour"),
            ),
            Chart("stacked", "Bits per second", "at", ("bits_per_s",)),
        ),
        sheet("total", "In all", _TOTAL, [total]),
    )
