"""``mtalab top``: a lab as it works: rates, deliveries, causes, lanes, workers."""

import contextlib
import sys
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.stores import store_of
from lab.top.look import look
from lab.top.snapshot import Snapshot, snapshot
from mail.errors import UserError, Where
from world.clock import SystemClock

_ROWS = 12  # of a table in one frame of text


class NoTerminal(UserError):
    """A screen was asked for where there is none."""


def register(app: typer.Typer) -> None:
    @app.command()
    def top(
        once: Annotated[bool, typer.Option("--once", help="Print one frame as text.")] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Watch a lab work: rates, deliveries, causes, lanes, workers. ? shows the keys."""
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            if json or once:
                found = snapshot(look(store, loaded, clock), None)
                if json:
                    print_json(found.as_json())
                else:
                    _print(found)
                return
            if not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise NoTerminal(
                    "this is no terminal, which `mtalab top` draws on",
                    where=Where(key="top"),
                    remedy="Use --once for one frame of text, or --json for programs.",
                )
            from lab.top.app import Top

            Top(store, loaded, clock).run()


def _print(found: Snapshot) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from lab.top.tables import TABLES, headline

    output = console()
    output.print(headline(found))
    for each in TABLES:
        rows = each.rows(found)
        table = Table(box=box.SIMPLE_HEAD, title=each.title, title_justify="left")
        for name, is_right in each.columns:
            table.add_column(name, justify="right" if is_right else "left", overflow="fold")
        for _, cells, style in rows[:_ROWS]:
            table.add_row(*(Text(cell, style) for cell in cells))
        output.print(table)
        if len(rows) > _ROWS:
            output.print(f"and {len(rows) - _ROWS} more")
