"""Broadcast statistics: of each domain, what was processed, delivered, bounced, opened, clicked."""

from collections.abc import Mapping, Sequence
from typing import Final

from mail.reason import Reason
from monitor.reports.ratio import share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from monitor.reports.tally import SHOWN, Tally, tallies
from store import report_messages, report_tracking
from store.engine import Tx
from store.report_tracking import Engagement

HARD: Final = frozenset({Reason.USER_UNKNOWN})
SOFT: Final = frozenset(SHOWN) - HARD

FIGURES: Final = (
    Figure("processed", "sent + failed messages to the domain", "rollup_domain"),
    Figure("delivered", "sent / processed", "rollup_domain"),
    Figure("hard", "failed as user_unknown / processed", "rollup_domain"),
    Figure(
        "soft",
        "failed as unreachable, mailbox_full, invalid_domain, account_disabled, not_connected or "
        "refused / processed",
        "rollup_domain",
    ),
    Figure("other", "failed for any other reason / processed", "rollup_domain"),
    Figure("complaints", "failed as denylisted / sent and failed so", "rollup_domain"),
    Figure("opens, clicks", "messages opened or clicked / sent", "rollup_engagement"),
    Figure("unsubscriptions", "opt-outs / sent", "rollup_engagement.opt_outs"),
)
NOTES: Final = (
    "Hard and soft go by the reason, as the modelled system has it, not by the type of the bounce.",
    (
        "A message that bounced later than it was opened is not among the sent ones: a domain can "
        "have more opens than messages delivered."
    ),
)
_COLUMNS: Final = (
    Column("domain", "domain", "text"),
    Column("processed", "processed"),
    Column("delivered", "delivered", "share"),
    Column("hard", "hard", "share"),
    Column("soft", "soft", "share"),
    Column("other", "other", "share"),
    Column("complaints", "complaints", "share"),
    Column("opens", "opens", "share"),
    Column("clicks", "clicks", "share"),
    Column("unsubscriptions", "unsubscr.", "share"),
)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    domains = tallies(report_messages.by_domain(tx, request.scope))
    if request.domain is not None:
        domains = {name: of for name, of in domains.items() if name == request.domain}
    engaged = report_tracking.engagement(tx, request.scope, humans=request.humans)
    return Report((broadcast(domains, engaged),), NOTES)


def broadcast(domains: Mapping[str, Tally], engaged: Sequence[Engagement]) -> Sheet:
    """A row for each domain, the largest first, and one for all."""
    by_domain = {each.domain: each for each in engaged}
    rows: list[tuple[Cell, ...]] = []
    whole, all_engaged = Tally(), Engagement("", 0, 0, 0, 0)
    largest = sorted(domains.items(), key=lambda item: (-item[1].processed, item[0]))
    for domain, of in largest:
        seen = by_domain.get(domain, Engagement(domain, 0, 0, 0, 0))
        rows.append(_row(domain, of, seen))
        whole.status.update(of.status)
        whole.failed.update(of.failed)
        all_engaged = Engagement(
            "",
            all_engaged.opened + seen.opened,
            all_engaged.clicked + seen.clicked,
            all_engaged.opt_outs + seen.opt_outs,
            all_engaged.persons + seen.persons,
        )
    if len(rows) > 1:
        rows.append(_row("all", whole, all_engaged))
    chart = Chart("bars", "Delivered, by domain", "domain", ("delivered",))
    return sheet("domains", "Broadcast statistics", _COLUMNS, rows, chart)


def _row(domain: str, of: Tally, seen: Engagement) -> tuple[Cell, ...]:
    def failed(reasons: frozenset[Reason]) -> int:
        return sum(of.failed[each] for each in reasons)

    complaints = of.failed[Reason.DENYLISTED]
    other = of.errors - failed(HARD) - failed(SOFT)
    return (
        domain,
        of.processed,
        *(share(each, of.processed) for each in (of.success, failed(HARD), failed(SOFT), other)),
        share(complaints, of.success + complaints),
        *(share(each, of.success) for each in (seen.opened, seen.clicked, seen.opt_outs)),
    )
