"""Non-deliverables and bounces: by reason, by domain, and each for one of the other."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from mail.reason import Reason
from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from monitor.reports.tally import SHOWN, Tally, tallies
from store import report_messages
from store.engine import Tx

FIGURES: Final = (
    Figure("errors", "messages with status failed", "rollup_domain"),
    Figure("contribution", "errors of the row / all errors shown", "rollup_domain"),
    Figure("breakdown by reason", "errors / processed, of all domains shown", "rollup_domain"),
    Figure("breakdown by domain", "errors / processed of that domain", "rollup_domain"),
    Figure("processed", "sent + failed messages", "rollup_domain"),
)
NOTES: Final = (
    (
        "With --domain the reasons are those of that domain, with --reason the domains those of "
        "that reason; `cells` has each with each."
    ),
    "Messages still pending are in neither: what was deferred is no bounce yet.",
)
_SHARES: Final = (
    Column("errors", "errors"),
    Column("contribution", "contribution", "share"),
    Column("breakdown", "breakdown", "share"),
)
_REASONS: Final = (Column("reason", "reason", "text"), Column("code", "code", ""), *_SHARES)
_DOMAINS: Final = (Column("domain", "domain", "text"), Column("processed", "processed"), *_SHARES)
_CELLS: Final = (
    Column("domain", "domain", "text"),
    Column("reason", "reason", "text"),
    Column("errors", "errors"),
)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    domains = tallies(report_messages.by_domain(tx, request.scope))
    if request.domain is not None:
        domains = {name: of for name, of in domains.items() if name == request.domain}
    return Report(sheets(domains, request.reason), NOTES)


def sheets(domains: Mapping[str, Tally], reason: Reason | None = None) -> tuple[Sheet, ...]:
    """By reason, by domain, and by both; of one reason if it is given."""
    by_reason: Counter[Reason] = Counter()
    by_domain: Counter[str] = Counter()
    cells: list[tuple[str, str, int]] = []
    for name, of in domains.items():
        for each, messages in of.failed.items():
            if messages and (reason is None or each is reason):
                by_reason[each] += messages
                by_domain[name] += messages
                cells.append((name, each.label, messages))
    errors = sum(by_reason.values())
    processed = sum(of.processed for of in domains.values())
    shown = [*SHOWN, *sorted(set(by_reason) - set(SHOWN))] if reason is None else [reason]
    reasons: list[tuple[Cell, ...]] = [
        (
            each.label,
            int(each),
            by_reason[each],
            share(by_reason[each], errors),
            share(by_reason[each], processed),
        )
        for each in shown
    ]
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            domains[name].processed,
            messages,
            share(messages, errors),
            share(messages, domains[name].processed),
        )
        for name, messages in sorted(by_domain.items(), key=lambda item: (-item[1], item[0]))
    ]
    cells.sort(key=lambda cell: (-cell[2], cell[0], cell[1]))
    return (
        sheet(
            "reasons", "Errors by reason", _REASONS, reasons,
            Chart("bars", "Errors, by reason", "reason", ("errors",)),
        ),
        sheet(
            "domains", "Errors by domain", _DOMAINS, rows,
            Chart("bars", "Errors, by domain", "domain", ("errors",)),
        ),
        sheet("cells", "Errors by domain and reason", _CELLS, cells),
    )  # fmt: skip
