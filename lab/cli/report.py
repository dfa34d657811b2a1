"""``mtalab report``: what counters say of deliveries, traffic and readers."""

import contextlib
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from lab.cli.completion import delivery_ids
from lab.cli.durations import positive_seconds_of
from lab.cli.log import BadFilter, reason_named, time_at
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json, say
from lab.configuration import Loaded
from lab.following import accounts, digest_of
from lab.kept import now_of
from lab.reports.shown import Shown
from lab.stores import store_of
from mail.address import BadAddress, canonical_domain
from mail.errors import EnvironmentFault, UserError, Where
from monitor.reports.catalogue import ENTRIES, REPORTS, Entry
from monitor.reports.request import Request
from monitor.reports.sheet import Sheet
from monitor.reports.urls import HOT
from store import deliveries, report_scope
from store.engine import Store, Tx
from store.report_scope import Reported, Scope
from world.clock import SystemClock

_STANDARD_OUTPUT: Final = "-"


class NoSuchReport(UserError):
    """A name that no report has."""


class DeliveryNeeded(UserError):
    """A report that is of one delivery was asked for without one."""


class OfTheLabOnly(UserError):
    """A report whose counters know no deliveries was asked for one of them."""


class UnwritableReport(EnvironmentFault):
    """A file that a report is to go to cannot be written."""


def _report_names() -> list[str]:
    return [each.name for each in ENTRIES]


_Name = Annotated[
    str, typer.Argument(help="Which; `list` lists them.", autocompletion=_report_names)
]
_Delivery = Annotated[int | None, typer.Option("--delivery", "-d", autocompletion=delivery_ids)]
_From = Annotated[str | None, typer.Option("--from", help="A time, or 10m ago as 10m.")]
_To = Annotated[str | None, typer.Option("--to", help="A time, or 10m ago as 10m.")]
_Scale = Annotated[
    str | None, typer.Option(help="How long a time, such as 1h, 3h, 24h, 7d or 30d.")
]
_Humans = Annotated[bool, typer.Option("--humans", help="Leave out what machines did.")]
_Domain = Annotated[str | None, typer.Option(help="Of this domain (or MX group) alone.")]
_Reason = Annotated[str | None, typer.Option(help="Of this reason alone, such as mailbox_full.")]
_Ip = Annotated[str | None, typer.Option(help="By this source IP alone.")]
_Explain = Annotated[
    bool, typer.Option("--explain", help="How each figure is made, and what it cannot tell.")
]
_Csv = Annotated[bool, typer.Option("--csv", help="Print a sheet as CSV: the first.")]
_SheetName = Annotated[str | None, typer.Option("--sheet", help="With --csv: another sheet.")]
_Html = Annotated[Path | None, typer.Option(help="Write a page to this file; - prints it.")]
_Png = Annotated[Path | None, typer.Option(help="Write pictures to this file.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows of a sheet, in tables.")]


def register(app: typer.Typer) -> None:
    @app.command(name="report")
    def command(
        name: _Name,
        *,
        delivery: _Delivery = None,
        from_: _From = None,
        to: _To = None,
        scale: _Scale = None,
        humans: _Humans = False,
        domain: _Domain = None,
        reason: _Reason = None,
        ip: _Ip = None,
        explain: _Explain = False,
        csv: _Csv = False,
        sheet: _SheetName = None,
        html: _Html = None,
        png: _Png = None,
        limit: _Limit = 40,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show a report, from counters; `mtalab report list` lists them."""
        if name == "list":
            _list(json=json)
            return
        entry = _entry(name, delivery)
        loaded = loaded_from(config)
        now = now_of(loaded, SystemClock())
        with contextlib.closing(store_of(loaded)) as store:
            request = Request(
                now,
                loaded.configuration,
                None if delivery is None else store.read_now(_reported, delivery),
                time_at("--from", from_, now),
                time_at("--to", to, now),
                None if scale is None else positive_seconds_of(scale, "--scale"),
                humans,
                None if domain is None else _domain(domain),
                None if reason is None else reason_named(reason),
                ip,
                _configured_at(loaded),
            )
            _refuse_backwards(request)
            shown = Shown(
                entry,
                store.read_now(entry.build, request),
                request,
                str(loaded.directory),
                shlex.join(["mtalab", *sys.argv[1:]]),
            )
            if html is not None:
                _write_page(html, shown, store)
        if png is not None:
            from lab.reports.picture import write_picture

            _to_file(png, lambda: write_picture(shown, png))
        if csv:
            from lab.reports.values import as_csv

            sys.stdout.write(as_csv(_sheet_named(shown, sheet)))
        elif json:
            from lab.reports.values import as_json

            print_json(as_json(shown, explain=explain))
        elif html is None and png is None:
            from lab.reports.terminal import show

            show(shown, console(), limit, explain=explain)


def _list(*, json: bool) -> None:
    if json:
        print_json(
            [
                {
                    "name": each.name,
                    "title": each.title,
                    "what": each.what,
                    "of": each.of,
                }
                for each in ENTRIES
            ]
        )
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("report", "title", "what it shows", "of"):
        table.add_column(column)
    for each in ENTRIES:
        table.add_row(each.name, each.title, each.what, each.of)
    console().print(table)


def _entry(name: str, delivery: int | None) -> Entry:
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


def _domain(text: str) -> str:
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
        raise BadFilter(
            "the time that is asked for has no length",
            where=Where(key="--to"),
            remedy="Let --from be before --to; without --to it is until now.",
        )


def _sheet_named(shown: Shown, name: str | None) -> Sheet:
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


def _write_page(file: Path, shown: Shown, store: Store) -> None:
    from lab.reports.page import page

    text = page(shown, _mail(shown, store))
    if str(file) == _STANDARD_OUTPUT:
        sys.stdout.write(text)
    else:
        _to_file(file, lambda: file.write_text(text, encoding="utf-8"))


def _mail(shown: Shown, store: Store) -> str | None:
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


def _to_file(file: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise UnwritableReport(
            f"{file} cannot be written: {error.strerror or error}",
            remedy="Name a file in a folder that is there and may be written.",
        ) from error
    say(f"mtalab: {file} is written")
