"""A report as it is asked for: which, of what and when; refused where that makes no sense."""

import contextlib
from dataclasses import dataclass

from lab.configuration import Loaded
from lab.following import accounts, digest_of
from lab.reports.shown import Shown
from mail.address import BadAddress, canonical_domain
from mail.errors import UserError, Where
from mail.reason import Reason
from monitor.reports.catalogue import REPORTS, Entry
from monitor.reports.request import Request
from monitor.reports.sheet import Sheet
from monitor.reports.urls import HOT
from store import deliveries, report_scope
from store.engine import Store, Tx
from store.report_scope import Reported, Scope


class NoTime(UserError):
    """A time that ends before it begins."""


class NoSuchReport(UserError):
    """A name that no report has."""


class DeliveryNeeded(UserError):
    """A report that is of one delivery was asked for without one."""


class OfTheLabOnly(UserError):
    """A report whose counters know no deliveries was asked for one of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for; times in epoch seconds, the scale in seconds."""

    delivery: int | None = None
    since: float | None = None
    until: float | None = None
    scale_s: float | None = None
    humans: bool = False  # without what machines did
    domain: str | None = None
    reason: Reason | None = None
    ip: str | None = None


def made(store: Store, loaded: Loaded, now: float, name: str, asked: Asked, command: str) -> Shown:
    """A report, read from the counters; ``command`` is what makes it again.

    Raises:
        NoSuchReport, OfTheLabOnly, DeliveryNeeded, NoTime: it cannot be asked for so.
        UnknownDelivery: there is none of that number.
    """
    entry = _entry_of(name, asked.delivery)
    request = Request(
        now,
        loaded.configuration,
        None if asked.delivery is None else store.read_now(_reported, asked.delivery),
        asked.since,
        asked.until,
        asked.scale_s,
        asked.humans,
        None if asked.domain is None else _domain_of(asked.domain),
        asked.reason,
        asked.ip,
        _configured_at(loaded),
    )
    _refuse_backwards(request)
    found = store.read_now(entry.build, request)
    return Shown(entry, found, request, str(loaded.directory), command)


def _entry_of(name: str, delivery: int | None) -> Entry:
    if name not in REPORTS:
        raise NoSuchReport(
            f"there is no report {name!r}",
            remedy="Reports are: " + ", ".join(REPORTS) + "; `mtalab report list` tells more.",
        )
    entry = REPORTS[name]
    if entry.of == "lab" and delivery is not None:
        raise OfTheLabOnly(
            f"the report {name} is of the whole lab: its counters know no deliveries",
            where=Where(key="--delivery"),
            remedy="Leave it out, and say --from and --to.",
        )
    if entry.of == "delivery" and delivery is None:
        raise DeliveryNeeded(
            f"the report {name} is of one delivery",
            where=Where(key="--delivery"),
            remedy="Say which; `mtalab deliveries` lists them.",
        )
    return entry


def _reported(tx: Tx, delivery_id: int) -> Reported:
    deliveries.get(tx, delivery_id)  # an unknown one is refused
    return report_scope.reported(tx, Scope(delivery_id))[0]


def _domain_of(text: str) -> str:
    """A domain as counters have it; the name of an MX group may be none."""
    with contextlib.suppress(BadAddress):
        return canonical_domain(text)
    return text


def _configured_at(loaded: Loaded) -> float | None:
    """Since when all running processes go by the configuration as it is; None: none runs."""
    digest = digest_of(loaded)
    since = [each.at for each in accounts(loaded.directory) if each.digest == digest]
    return max(since, default=None)


def _refuse_backwards(request: Request) -> None:
    since, until = request.time()
    if since >= until and (request.since is not None or request.until is not None):
        raise NoTime(
            "the time that is asked for has no length",
            where=Where(key="--to"),
            remedy="Let --from be before --to; without --to it is until now.",
        )


def sheet_of(shown: Shown, name: str | None) -> Sheet:
    sheets = shown.report.sheets
    if name is None:
        return sheets[0]
    for each in sheets:
        if each.name == name:
            return each
    raise NoSuchReport(
        f"the report {shown.entry.name} has no sheet {name!r}",
        where=Where(key="--sheet"),
        remedy="Its sheets are: " + ", ".join(each.name for each in sheets) + ".",
    )


def mail_of(shown: Shown, store: Store) -> str | None:
    """The delivery's mail with figures over its links, for the report of hot clicks."""
    delivery = shown.request.delivery
    if shown.entry.name != HOT or delivery is None:
        return None
    from lab.reports.hot_mail import html_of, with_shares

    _, source = store.read_now(deliveries.source_of, delivery.id)
    content = html_of(source)
    sheet = shown.report.sheets[0]
    urls, found = sheet.values("url"), sheet.values("share")
    shares = {
        str(url): float(each)
        for url, each in zip(urls, found, strict=True)
        if isinstance(each, int | float)
    }
    return None if content is None else with_shares(content, shares)
