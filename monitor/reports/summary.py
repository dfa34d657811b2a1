"""Delivery summary and exclusions: who was to be reached, who was left out, what became of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from mail.states import MessageStatus
from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from monitor.reports.tally import Tally, tallies, tally
from store import report_messages, report_scope
from store.engine import Tx
from store.report_scope import Reported

SUMMARY_FIGURES: Final = (
    Figure("population", "messages that were submitted", "rollup_status"),
    Figure("excluded", "messages with status ignored", "rollup_status"),
    Figure("to_deliver", "population - excluded", "rollup_status"),
    Figure("success", "messages with status sent", "rollup_status"),
    Figure("errors", "messages with status failed", "rollup_status"),
    Figure("success_rate, error_rate", "success or errors / to_deliver; 0 of 0 is 0", ""),
    Figure("processed_rate", "(success + errors) / to_deliver", "rollup_status"),
    Figure(
        "new_quarantines",
        "addresses put in quarantine for an error of the delivery; their rate is over to_deliver",
        "rollup_quarantine",
    ),
)
SUMMARY_NOTES: Final = (
    (
        "Sent means that the receiver took it. It may bounce later: it is then an error, and no "
        "success any more, so that success can fall."
    ),
    "An address that was released from quarantine still counts as a new one of its delivery.",
)
EXCLUSION_FIGURES: Final = (
    Figure("messages", "messages with status ignored, by reason", "rollup_status"),
    Figure("contribution", "messages / all that were excluded", "rollup_status"),
    Figure("breakdown", "messages / population", "rollup_status"),
    Figure("messages of a domain", "the same, by domain", "rollup_domain"),
)
EXCLUSION_NOTES: Final = (
    "A message is excluded for one cause: that which the analysis found first.",
)
_DELIVERY: Final = (
    Column("delivery", "delivery", ""),
    Column("label", "label", "text"),
    Column("status", "status", "text"),
    Column("population", "population"),
    Column("excluded", "excluded"),
    Column("to_deliver", "to deliver"),
    Column("success", "success"),
    Column("success_rate", "success", "share"),
    Column("errors", "errors"),
    Column("error_rate", "errors", "share"),
    Column("pending", "pending"),
    Column("cancelled", "cancelled"),
    Column("processed_rate", "processed", "share"),
    Column("new_quarantines", "new quarantines", "number"),
    Column("quarantine_rate", "quarantines", "share"),
)
_CAUSES: Final = (
    Column("reason", "cause", "text"),
    Column("messages", "messages"),
    Column("contribution", "contribution", "share"),
    Column("breakdown", "breakdown", "share"),
)


def build_summary(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    counts = report_messages.by_status(tx, request.scope)
    by_delivery: dict[int, Tally] = {}
    for each in counts:
        by_delivery.setdefault(each.delivery_id, Tally()).add(
            each.status, each.reason, each.messages
        )
    found = report_scope.reported(tx, request.scope)
    quarantined = report_messages.quarantined(tx, request.scope)
    return Report(summary(found, by_delivery, quarantined), SUMMARY_NOTES)


def summary(
    found: Sequence[Reported], by_delivery: Mapping[int, Tally], quarantined: Mapping[int, int]
) -> tuple[Sheet, ...]:
    """A row for each delivery, and one for all; then the causes of exclusion."""
    whole = Tally()
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        of = by_delivery.get(each.id, Tally())
        whole.status.update(of.status)
        whole.ignored.update(of.ignored)
        new = quarantined.get(each.id, 0)
        rows.append((each.id, each.label, each.status, *_outcome(of, new)))
    if len(found) > 1:
        rows.append((None, "all", "", *_outcome(whole, sum(quarantined.values()))))
    deliveries = sheet("deliveries", "Delivery summary", _DELIVERY, rows)
    return deliveries, causes(whole)


def _outcome(of: Tally, quarantined: int) -> tuple[Cell, ...]:
    return (
        of.population,
        of.status[MessageStatus.IGNORED],
        of.to_deliver,
        of.success,
        of.rate(of.success),
        of.errors,
        of.rate(of.errors),
        of.status[MessageStatus.PENDING],
        of.status[MessageStatus.CANCELLED],
        of.rate(of.processed),
        quarantined,
        of.rate(quarantined),
    )


def causes(of: Tally) -> Sheet:
    """Why messages were left out, the most frequent cause first."""
    excluded = of.status[MessageStatus.IGNORED]
    rows = [
        (reason.label, messages, share(messages, excluded), share(messages, of.population))
        for reason, messages in sorted(of.ignored.items(), key=lambda item: (-item[1], item[0]))
        if messages
    ]
    chart = Chart("bars", "Messages left out, by cause", "reason", ("messages",))
    return sheet("causes", "Causes of exclusion", _CAUSES, rows, chart)


def build_exclusions(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    whole = tally(report_messages.by_status(tx, request.scope))
    domains = tallies(report_messages.by_domain(tx, request.scope))
    return Report((causes(whole), excluded_of(domains)), EXCLUSION_NOTES)


def excluded_of(domains: Mapping[str, Tally]) -> Sheet:
    """The same by domain and cause."""
    rows = [
        (domain, reason.label, messages)
        for domain, of in domains.items()
        for reason, messages in of.ignored.items()
        if messages
    ]
    columns = (Column("domain", "domain", "text"), *_CAUSES[:2])
    rows.sort(key=lambda row: (-row[2], row[0], row[1]))
    return sheet("domains", "Exclusions by domain", columns, rows)
