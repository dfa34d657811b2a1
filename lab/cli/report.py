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
from lab.cli.log import reason_named, time_at
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json, say
from lab.kept import now_of
from lab.reports.asking import Asked, made, mail_of, sheet_of
from lab.reports.shown import Shown
from lab.stores import store_of
from mail.errors import EnvironmentFault
from monitor.reports.catalogue import ENTRIES
from store.engine import Store
from world.clock import SystemClock

_STANDARD_OUTPUT: Final = "-"


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
        loaded = loaded_from(config)
        now = now_of(loaded, SystemClock())
        asked = Asked(
            delivery,
            time_at("--from", from_, now),
            time_at("--to", to, now),
            None if scale is None else positive_seconds_of(scale, "--scale"),
            humans,
            domain,
            None if reason is None else reason_named(reason),
            ip,
        )
        with contextlib.closing(store_of(loaded)) as store:
            shown = made(store, loaded, now, name, asked, shlex.join(["mtalab", *sys.argv[1:]]))
            if html is not None:
                _write_page(html, shown, store)
        if png is not None:
            from lab.reports.picture import write_picture

            _to_file(png, lambda: write_picture(shown, png))
        if csv:
            from lab.reports.values import as_csv

            sys.stdout.write(as_csv(sheet_of(shown, sheet)))
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


def _write_page(file: Path, shown: Shown, store: Store) -> None:
    from lab.reports.page import page

    text = page(shown, mail_of(shown, store))
    if str(file) == _STANDARD_OUTPUT:
        sys.stdout.write(text)
    else:
        _to_file(file, lambda: file.write_text(text, encoding="utf-8"))


def _to_file(file: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise UnwritableReport(
            f"{file} cannot be written: {error.strerror or error}",
            remedy="Name a file in a folder that is there and may be written.",
        ) from error
    say(f"mtalab: {file} is written")
