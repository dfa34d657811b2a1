"""URLs and click streams, and hot clicks: where readers went, beside how they go elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mail.tracked import PIXEL, Kind, UrlMode
from monitor.reports import indicators
from monitor.reports.indicators import Counts
from monitor.reports.ratio import share
from monitor.reports.request import DAY_S, Request
from monitor.reports.sheet import Cell, Chart, Column, Figure, Report, Sheet, sheet
from store import report_messages, report_tracking
from store.engine import Tx
from store.report_scope import Scope
from store.report_tracking import NamedUrl, UrlLogs

HOT: Final = "hot-clicks"  # the report that can be laid over the mail
AVERAGE_OVER_S: Final = 180 * DAY_S  # as long as six months
_CLICKED: Final = (Kind.CLICK, Kind.OPT_OUT, Kind.MIRROR)

URL_FIGURES: Final = (
    Figure("clicks", "logs of the URL of types 1, 3 and 6; the same URL or label is one row",
           "rollup_tracking"),
    Figure("share", "clicks / clicks on all URLs", "rollup_tracking"),
    Figure("per_message", "clicks / success", "rollup_tracking, rollup_status"),
    Figure("reactivity", "clicks (recipients) / distinct opens", "rollup_engagement"),
    Figure("distinct_rate", "clicks (recipients) / success", "rollup_engagement, rollup_status"),
    Figure("cumulated_rate", "cumulated clicks / success", "rollup_tracking, rollup_status"),
    Figure("average", "the same of all tracked deliveries of the last 180 days together", ""),
)  # fmt: skip
URL_NOTES: Final = (
    (
        "Without --delivery the counts of URLs with the same label, or the same URL, are merged "
        "over deliveries."
    ),
    (
        "A log of a URL says that it was followed, not by whom: a forwarded message counts as its "
        "first recipient's."
    ),
)
HOT_FIGURES: Final = (
    Figure("clicks", "logs of the URL of types 1, 3 and 6", "rollup_tracking"),
    Figure("share", "clicks / clicks on all URLs of the delivery", "rollup_tracking"),
)
HOT_NOTES: Final = (
    "A URL that stands in the message twice has one figure, which is laid over both places.",
)
_COLUMNS: Final = (
    Column("label", "label", "text"),
    Column("url", "URL", "text"),
    Column("category", "category", "text"),
    Column("mode", "mode", "text"),
    Column("clicks", "clicks", "logs"),
    Column("share", "share", "share"),
    Column("per_message", "per message", "share"),
)
_RATES: Final = (
    Column("rate", "rate", "text"),
    Column("here", "here", "share"),
    Column("average", "average", "share"),
)
_HOT: Final = (Column("url", "URL", "text"), *_COLUMNS[:1], *_COLUMNS[4:6])


@dataclass(frozen=True, slots=True)
class Clicked:
    """A URL, or several that are one by their label, with what was clicked of it."""

    url: str
    label: str
    category: str
    mode: UrlMode
    clicks: int


def build(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    here = _counts(tx, request.scope, humans=request.humans)
    recent = Scope(None, request.now - AVERAGE_OVER_S, request.now)
    average = _counts(tx, recent, humans=request.humans)
    found = clicked(
        report_tracking.urls(tx, request.scope),
        report_tracking.by_url(tx, request.scope, humans=request.humans),
    )
    return Report((url_sheet(found, here.success), rates(here, average)), URL_NOTES)


def _counts(tx: Tx, scope: Scope, *, humans: bool) -> Counts:
    """Of those of the deliveries that are tracked."""
    tracked = report_tracking.tracked(tx, scope)
    return indicators.counts(
        [each for each in report_messages.by_status(tx, scope) if each.delivery_id in tracked],
        report_tracking.text_only(tx, scope),
        report_tracking.engagement(tx, scope, humans=humans),
        report_tracking.by_url(tx, scope, humans=humans),
    )


def build_hot(tx: Tx, request: Request) -> Report:
    """Read and reckon."""
    found = clicked(
        report_tracking.urls(tx, request.scope),
        report_tracking.by_url(tx, request.scope, humans=request.humans),
    )
    return Report((hot_sheet(found),), HOT_NOTES)


def clicked(urls: Sequence[NamedUrl], logs: Sequence[UrlLogs]) -> list[Clicked]:
    """What was clicked, the most first. Those never clicked are there too, but not the pixel."""
    clicks: dict[tuple[int, int], int] = {}
    for each in logs:
        if each.kind in _CLICKED:
            of = each.delivery_id, each.url
            clicks[of] = clicks.get(of, 0) + each.logs
    merged: dict[str, Clicked] = {}
    key_of: dict[str, str] = {}  # URL → that under which it is counted: its first label
    for url in urls:
        number = clicks.get((url.delivery_id, url.number), 0)
        if url.number == PIXEL:
            continue
        key = key_of.setdefault(url.url, url.label or url.url)
        known = merged.get(key)
        if known is None:
            merged[key] = Clicked(url.url, url.label, url.category, url.mode, number)
        else:
            merged[key] = replace(known, clicks=known.clicks + number)
    return sorted(merged.values(), key=lambda each: (-each.clicks, each.label, each.url))


def url_sheet(found: Sequence[Clicked], success: int) -> Sheet:
    """A row for each URL."""
    total = sum(each.clicks for each in found)
    rows: list[tuple[Cell, ...]] = [
        (
            each.label,
            each.url,
            each.category,
            str(each.mode),
            each.clicks,
            share(each.clicks, total),
            share(each.clicks, success),
        )
        for each in found
    ]
    chart = Chart("bars", "Share of clicks", "label", ("share",))
    return sheet("urls", "URLs and click streams", _COLUMNS, rows, chart)


def hot_sheet(found: Sequence[Clicked]) -> Sheet:
    """Share of each URL of one delivery."""
    total = sum(each.clicks for each in found)
    rows = [(each.url, each.label, each.clicks, share(each.clicks, total)) for each in found]
    chart = Chart("bars", "Share of clicks", "url", ("share",))
    return sheet("urls", "Hot clicks", _HOT, rows, chart)


def rates(here: Counts, average: Counts) -> Sheet:
    """How readers reacted, beside the average of the platform."""
    rows = [
        (name, one, other)
        for (name, one), other in zip(_rates(here).items(), _rates(average).values(), strict=True)
    ]
    return sheet("rates", "Beside the average of the last 180 days", _RATES, rows)


def _rates(of: Counts) -> Mapping[str, float]:
    found = indicators.indicators(of)
    return {
        "reactivity": found["estimated_reactivity"],
        "distinct_rate": share(of.recipient_click, of.success),
        "cumulated_rate": share(of.total_recipient_click, of.success),
    }
