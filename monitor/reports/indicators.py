"""Tracking indicators: what came back of messages, by the formulas of the modelled system.

Adobe Campaign Classic, "Indicator calculation" and "Person, people and recipients", whose example
is a test.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mail.reason import Reason
from mail.tracked import PIXEL, Kind
from monitor.reports.ratio import rounded, share
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Column, Figure, Report, Sheet, Unit, sheet
from monitor.reports.tally import Tally
from store import report_messages, report_tracking
from store.engine import Tx
from store.report_messages import StatusCount
from store.report_tracking import Engagement, UrlLogs

NOTES: Final = (
    (
        "An open is seen when its image is loaded: readers of text and those who block images are "
        "missing, proxies that load all images are too many. Opens are estimates."
    ),
    "A message that was sent, opened and then bounced is no success, but its open counts.",
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the indicators are reckoned from."""

    to_deliver: int
    success: int
    complaints: int  # failed as denylisted
    text_messages: int  # of those to deliver, the ones without HTML
    recipient_open: int  # distinct messages of which anything came back
    recipient_click: int  # distinct messages that were clicked
    person_click: int  # distinct browsers that clicked
    total_recipient_open: int  # logs of the pixel
    total_recipient_click: int  # logs of clicks
    opt_out: int  # logs
    mirror_page: int  # logs
    pages: int  # logs of pages and transactions
    transactions: int  # logs
    amount: float
    articles: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """One line of the report and what it is made of."""

    name: str
    label: str
    unit: Unit
    formula: str
    counters: str


_I = Indicator
INDICATORS: Final = (
    _I("to_deliver", "messages to deliver", "messages", "submitted - excluded", "rollup_status"),
    _I("success", "success", "messages", "status sent", "rollup_status"),
    _I("success_rate", "success rate", "share", "success / to_deliver", "rollup_status"),
    _I("opens", "opens (recipients)", "messages", "distinct messages over all tracking logs: a "
       "click implies an open", "rollup_engagement.opened"),
    _I("distinct_opens", "distinct opens for the population reached", "messages",
       "round(opens x to_deliver / (to_deliver - text messages)), 0 without HTML messages",
       "rollup_engagement.opened, tracked_delivery.is_text, rollup_status"),
    _I("total_opens", "sum of opens", "logs", "logs of URL 1, the pixel", "rollup_tracking"),
    _I("sum_of_opens", "sum of opens for the population reached", "logs",
       "round(total_opens x to_deliver / (to_deliver - text messages))",
       "rollup_tracking, tracked_delivery.is_text, rollup_status"),
    _I("clicks", "clicks (recipients)", "messages", "distinct messages with logs of type 1",
       "rollup_engagement.clicked"),
    _I("distinct_clicks", "distinct clicks (browsers)", "number",
       "distinct browsers with logs of type 1", "rollup_engagement.persons"),
    _I("cumulated_clicks", "cumulated clicks", "logs", "logs of type 1", "rollup_tracking"),
    _I("opt_outs", "unsubscriptions", "logs", "logs of type 3, not distinct", "rollup_tracking"),
    _I("mirror_page", "mirror pages", "logs", "logs of type 6, not distinct", "rollup_tracking"),
    _I("forwards", "forwards (estimate)", "number", "distinct_clicks - clicks, not below 0",
       "rollup_engagement"),
    _I("raw_reactivity", "raw reactivity", "share", "clicks / opens", "rollup_engagement"),
    _I("estimated_reactivity", "estimated reactivity", "share", "clicks / distinct_opens",
       "rollup_engagement, tracked_delivery.is_text, rollup_status"),
    _I("complaints", "complaints", "messages", "status failed, reason 8 (denylisted)",
       "rollup_status"),
    _I("visited_pages", "visited pages", "logs", "logs of type 4 or 5", "rollup_tracking"),
    _I("transactions", "transactions", "logs", "logs of type 5", "rollup_tracking"),
    _I("amount", "total amount", "", "amounts of transactions", "rollup_tracking.amount"),
    _I("articles", "articles", "number", "articles of transactions", "rollup_tracking.articles"),
    _I("amount_per_transaction", "amount per transaction", "", "amount / transactions",
       "rollup_tracking"),
    _I("amount_per_message", "amount per message", "", "amount / success",
       "rollup_tracking, rollup_status"),
)  # fmt: skip
FIGURES: Final = tuple(Figure(each.name, each.formula, each.counters) for each in INDICATORS)


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    scope = request.scope
    found = counts(
        report_messages.by_status(tx, scope),
        report_tracking.text_only(tx, scope),
        report_tracking.engagement(tx, scope, humans=request.humans),
        report_tracking.by_url(tx, scope, humans=request.humans),
    )
    return Report((indicator_sheet(found),), NOTES)


def counts(
    statuses: Sequence[StatusCount],
    text_only: Collection[int],
    engaged: Sequence[Engagement],
    logs: Sequence[UrlLogs],
) -> Counts:
    """Sum up what the store has counted."""
    whole, text = Tally(), Tally()
    for each in statuses:
        whole.add(each.status, each.reason, each.messages)
        if each.delivery_id in text_only:
            text.add(each.status, each.reason, each.messages)
    of: Counter[Kind] = Counter()
    for log in logs:
        of[log.kind] += log.logs
    return Counts(
        whole.to_deliver,
        whole.success,
        whole.failed[Reason.DENYLISTED],
        text.to_deliver,
        sum(each.opened for each in engaged),
        sum(each.clicked for each in engaged),
        sum(each.persons for each in engaged),
        sum(each.logs for each in logs if each.kind is Kind.OPEN and each.url == PIXEL),
        of[Kind.CLICK],
        of[Kind.OPT_OUT],
        of[Kind.MIRROR],
        of[Kind.PAGE] + of[Kind.TRANSACTION],
        of[Kind.TRANSACTION],
        sum(each.amount for each in logs if each.kind is Kind.TRANSACTION),
        sum(each.articles for each in logs if each.kind is Kind.TRANSACTION),
    )


def indicators(of: Counts) -> Mapping[str, float]:
    """The value of each indicator; a share is of 1, and 0 where its whole is 0."""
    html = of.to_deliver - of.text_messages
    distinct_opens = rounded(of.recipient_open * of.to_deliver, html)
    return {
        "to_deliver": of.to_deliver,
        "success": of.success,
        "success_rate": share(of.success, of.to_deliver),
        "opens": of.recipient_open,
        "distinct_opens": distinct_opens,
        "total_opens": of.total_recipient_open,
        "sum_of_opens": rounded(of.total_recipient_open * of.to_deliver, html),
        "clicks": of.recipient_click,
        "distinct_clicks": of.person_click,
        "cumulated_clicks": of.total_recipient_click,
        "opt_outs": of.opt_out,
        "mirror_page": of.mirror_page,
        "forwards": max(0, of.person_click - of.recipient_click),
        "raw_reactivity": share(of.recipient_click, of.recipient_open),
        "estimated_reactivity": share(of.recipient_click, distinct_opens),
        "complaints": of.complaints,
        "visited_pages": of.pages,
        "transactions": of.transactions,
        "amount": of.amount,
        "articles": of.articles,
        "amount_per_transaction": share(of.amount, of.transactions),
        "amount_per_message": share(of.amount, of.success),
    }


def indicator_sheet(of: Counts) -> Sheet:
    """One row for each; the unit says how its value is to be read."""
    values = indicators(of)
    rows: list[tuple[Cell, ...]] = [
        (each.name, each.label, values[each.name], each.unit) for each in INDICATORS
    ]
    columns = (
        Column("indicator", "name", "text"),
        Column("label", "indicator", "text"),
        Column("value", "value", ""),
        Column("unit", "unit", "text"),
    )
    return sheet("indicators", "Tracking indicators", columns, rows)
