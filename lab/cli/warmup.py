"""``mtalab warmup``: what source IPs being warmed up, and affinities, may still send today."""

import contextlib
from dataclasses import asdict

import typer
from rich import box
from rich.table import Table

from affinity.warmup import begin_of, day_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.quota_lines import quota_lines
from lab.stores import store_of
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="warmup")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Show today's quotas of source IPs that are warmed up and of affinities."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = quota_lines(store, loaded.configuration, now)
        if json:
            print_json([asdict(each) for each in found])
            return
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("source IP", "MX group", "affinity", "today", "spent", "tomorrow"):
            is_figure = column in ("today", "spent", "tomorrow")
            table.add_column(column, justify="right" if is_figure else "left")
        for each in found:
            said = ["no limit" if one is None else str(one) for one in (each.quota, each.tomorrow)]
            of = [one or "" for one in (each.source_ip, each.mx_group, each.affinity)]
            table.add_row(*of, said[0], str(each.spent), said[1])
        console().print(table)
        console().print(f"today ends {moment(begin_of(day_of(now) + 1))}")
