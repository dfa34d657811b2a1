"""``mtalab queue``: how long mail waits, and for what; now, or as it was."""

import contextlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from lab.cli.log import BadFilter, time_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.kept import now_of
from lab.shapes.queue import as_json
from lab.stores import store_of
from mail.errors import Where
from monitor.queue import EDGES_MIN, By, Queue, queue_now, queue_then
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="queue")
    def command(
        by: Annotated[
            By | None, typer.Option(help="One row for each; otherwise by cause and affinity.")
        ] = None,
        as_of: Annotated[
            str | None,
            typer.Option(
                metavar="TIME",
                help="As it was then: a time, or '2h ago'; rebuilt from the event log.",
            ),
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show how long pending messages wait: their ages in minutes, by cause and affinity."""
        loaded, clock = loaded_from(config), SystemClock()
        at = time_of("--as-of", as_of and as_of.strip().removesuffix("ago"), clock)
        now = now_of(loaded, clock)
        if at is not None and at > now:
            raise BadFilter(
                f"{as_of!r} lies ahead",
                where=Where(key="--as-of"),
                remedy="Give a time that is over.",
            )
        with contextlib.closing(store_of(loaded)) as store:
            if at is None:
                found = queue_now(store, loaded.configuration, now, by)
            else:
                found = queue_then(store, at, by)
        if json:
            print_json(as_json(found, by))
        else:
            _print(found)


def _print(found: Queue) -> None:
    output = console()
    if found.is_past:
        output.print(f"as of {moment(found.at)}, from the event log")
    if not found.rows:
        output.print("nothing was pending" if found.is_past else "nothing is pending")
        return
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    for place, name in enumerate(found.columns):
        table.add_column(name, "total" if place == 0 else "", overflow="fold")
    heads = ["total", *map(str, EDGES_MIN), f"{EDGES_MIN[-1]}+"]
    for name, sum_ in zip(heads, (sum(found.totals), *found.totals), strict=True):
        table.add_column(name, str(sum_), justify="right")
    for row in found.rows:
        counts = (str(each) if each else "·" for each in row.spans)
        table.add_row(*row.values, str(row.total), *counts)
    output.print(table)
    output.print("ages in minutes: 5 is less than five, 10 from five to ten")
