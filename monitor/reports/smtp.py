"""SMTP sending statistics: what goes in and out, what waits, and by whom it is sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from store import modules, queues, report_scope, report_traffic, reports
from store.engine import Tx
from store.report_scope import Scope
from store.report_tables import SLOT_S
from store.report_traffic import PathTraffic

FIGURES: Final = (
    Figure("submitted", "messages of deliveries whose contact date lies within the time",
           "delivery.messages"),
    Figure("sent, deferred, failed", "attempts that ended so within the time", "rollup_path"),
    Figure("per hour", "x 3600 / seconds of the time", "rollup_path"),
    Figure("active", "messages in parts that wait for a worker, or that one holds, now",
           "part.size, lane_report"),
    Figure("deferred queue", "messages that wait for their next attempt, now",
           "the index message_retrying"),
    Figure("connections", "connections that workers have, and may have, now", "lane_report"),
    Figure("workers", "workers that live, now", "worker"),
    Figure("success", "sent / attempts", "rollup_path"),
)  # fmt: skip
NOTES: Final = (
    (
        "Nothing is dropped for want of a throughput: what a limit holds back waits in the active "
        "queue."
    ),
    "Connections and queues are as they are now, whatever time is asked for.",
)
_FIGURES: Final = (
    Column("figure", "figure", "text"),
    Column("value", "value", ""),
    Column("per_hour", "per hour", ""),
)
_PATHS: Final = (
    Column("source_ip", "source IP", "text"),
    Column("attempts", "attempts", "number"),
    Column("sent", "sent"),
    Column("deferred", "deferred"),
    Column("failed", "failed"),
    Column("success", "success", "share"),
    Column("bytes", "bytes", "bytes"),
    Column("connections", "connections", "number"),
)


@dataclass(frozen=True, slots=True)
class Now:
    """What stands at the moment."""

    active: int
    retrying: int
    connections: Mapping[str, int]  # by source IP
    allowed: int
    workers: int


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    span = request.span()
    paths = report_traffic.by_path(tx, span)
    scope = Scope(span.delivery_id, span.first * SLOT_S, span.end * SLOT_S)
    submitted = sum(each.messages for each in report_scope.reported(tx, scope))
    seconds = (span.end - span.first) * SLOT_S
    return Report(sheets(paths, submitted, seconds, _now(tx)), NOTES)


def _now(tx: Tx) -> Now:
    waiting = sum(each.messages for each in queues.waiting(tx))
    held = sum(each.messages for each in queues.in_hand(tx))
    retrying = sum(each.messages for each in queues.retrying(tx))
    connections: Counter[str] = Counter()
    lanes: dict[tuple[int, str], int] = {}  # a shared lane allows all its source IPs so many
    for each in reports.reports(tx):
        connections[each.source_ip] += each.taken
        lanes[each.worker_id, each.lane] = each.allowed
    workers = len(modules.live_workers(tx))
    return Now(waiting + held, retrying, connections, sum(lanes.values()), workers)


def sheets(
    paths: Sequence[PathTraffic], submitted: int, seconds: float, now: Now
) -> tuple[Sheet, ...]:
    """The figures of the whole, and a row for each source IP."""
    by_ip: dict[str, list[int]] = {}
    for each in paths:
        sums = by_ip.setdefault(each.source_ip, [0, 0, 0, 0])
        for place, count in enumerate((each.sent, each.deferred, each.failed, each.bytes)):
            sums[place] += count
    sent, deferred, failed, size = (
        sum(each) for each in zip([0] * 4, *by_ip.values(), strict=True)
    )
    hourly = [
        ("submitted", submitted),
        ("attempts", sent + deferred + failed),
        ("sent", sent),
        ("deferred", deferred),
        ("failed", failed),
        ("bytes", size),
    ]
    rows: list[tuple[Cell, ...]] = [
        (name, count, share(3600 * count, seconds)) for name, count in hourly
    ]
    rows += [
        ("active queue", now.active, None),
        ("deferred queue", now.retrying, None),
        ("connections", sum(now.connections.values()), None),
        ("connections allowed", now.allowed, None),
        ("workers", now.workers, None),
    ]
    of_ips: list[tuple[Cell, ...]] = []
    for ip in sorted(set(by_ip) | set(now.connections)):
        counts = by_ip.get(ip, [0, 0, 0, 0])
        attempts = sum(counts[:3])
        of_ips.append(
            (
                ip,
                attempts,
                *counts[:3],
                share(counts[0], attempts),
                counts[3],
                now.connections.get(ip, 0),
            )
        )
    return (
        sheet("figures", "SMTP sending statistics", _FIGURES, rows),
        sheet(
            "source_ips", "By source IP", _PATHS, of_ips,
            Chart("bars", "Messages sent, by source IP", "source_ip", ("sent",)),
        ),
    )  # fmt: skip
