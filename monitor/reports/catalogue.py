"""Which reports there are, and how each is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from monitor.reports import (
    activity,
    bounces,
    broadcast,
    indicators,
    smtp,
    smtp_errors,
    source_ips,
    summary,
    throughput,
    urls,
)
from monitor.reports.request import Request
from monitor.reports.sheet import Figure, Report
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """A report by its name; what it says of itself, and how its figures are made.

    ``takes`` are the questions, besides those of time, that change what it shows.
    """

    name: str
    title: str
    what: str
    build: Callable[[Tx, Request], Report]
    figures: tuple[Figure, ...]
    of: Literal["lab or delivery", "delivery", "lab"] = "lab or delivery"
    takes: tuple[Literal["scale", "humans", "domain", "reason", "ip"], ...] = ()


_E = Entry
ENTRIES: Final = (
    _E("throughput", "Delivery throughput", "messages per hour and bits per second, over time",
       throughput.build, throughput.FIGURES, takes=("scale",)),
    _E("summary", "Delivery summary", "population, exclusions, success, errors, quarantines",
       summary.build_summary, summary.SUMMARY_FIGURES),
    _E("exclusions", "Exclusions", "who was left out, by cause and domain",
       summary.build_exclusions, summary.EXCLUSION_FIGURES),
    _E("broadcast", "Broadcast statistics", "delivered, hard, soft, opens, clicks, by domain",
       broadcast.build, broadcast.FIGURES, takes=("humans", "domain")),
    _E("bounces", "Non-deliverables and bounces", "errors by reason and by domain",
       bounces.build, bounces.FIGURES, takes=("domain", "reason")),
    _E("indicators", "Tracking indicators", "opens, clicks, reactivity, forwards, transactions",
       indicators.build, indicators.FIGURES, takes=("humans",)),
    _E("urls", "URLs and click streams", "clicks by URL, beside the average",
       urls.build, urls.URL_FIGURES, takes=("humans",)),
    _E(urls.HOT, "Hot clicks", "share of clicks of each link; laid over the mail with --html",
       urls.build_hot, urls.HOT_FIGURES, of="delivery", takes=("humans",)),
    _E("activity", "User activities", "opens, clicks and transactions over time",
       activity.build_activity, activity.ACTIVITY_FIGURES, takes=("scale", "humans")),
    _E("tracking", "Tracking statistics", "time to reach 10 to 90 % of opens and clicks",
       activity.build_tracking, activity.TRACKING_FIGURES, of="delivery", takes=("humans",)),
    _E("smtp", "SMTP sending statistics", "in, out, queues, connections, by source IP",
       smtp.build, smtp.FIGURES, of="lab", takes=("scale",)),
    _E("smtp-errors", "SMTP errors", "errors by destination, source IP, kind and time",
       smtp_errors.build, smtp_errors.FIGURES, of="lab", takes=("scale", "domain", "ip")),
    _E("source-ips", "Source IPs", "share of each IP against its weight, with a verdict",
       source_ips.build, source_ips.FIGURES, takes=("scale", "ip")),
)  # fmt: skip
REPORTS: Final[Mapping[str, Entry]] = MappingProxyType({each.name: each for each in ENTRIES})
