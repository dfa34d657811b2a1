"""``mtalab warmup``: what source IPs being warmed up, and affinities, may still send today."""

import contextlib
from dataclasses import asdict, dataclass

import typer
from rich import box
from rich.table import Table

from affinity.configuration import Configuration
from affinity.route import Routes
from affinity.warmup import account_of, begin_of, day_of, quotas_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.stores import store_of
from store import quotas
from store.engine import Store
from world.clock import SystemClock


@dataclass(frozen=True, slots=True)
class _Line:
    source_ip: str | None
    mx_group: str | None
    affinity: str | None  # the quota is of all its mail
    quota: int | None  # of today; None: no limit any more
    spent: int  # of it, what is in hand included
    tomorrow: int | None
    day_ends_at: float


def register(app: typer.Typer) -> None:
    @app.command(name="warmup")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Show today's quotas of source IPs that are warmed up and of affinities."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = _lines(store, loaded.configuration, now)
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


def _lines(store: Store, configuration: Configuration, now: float) -> list[_Line]:
    routes, day = Routes(configuration.route), day_of(now)
    plans = quotas_of(configuration, routes)
    spent = store.read_now(quotas.spent, day)
    affinities = [
        _Line(None, None, name, quota, spent.get(account_of(name), 0), quota, begin_of(day + 1))
        for name in configuration.affinity
        if (quota := plans.of_affinity(name)) is not None
    ]
    return affinities + [
        _Line(
            source_ip,
            group,
            None,
            plans.of(source_ip, group, day),
            spent.get((source_ip, group), 0),
            plans.of(source_ip, group, day + 1),
            begin_of(day + 1),
        )
        for source_ip in dict.fromkeys(plan.ip for plan in configuration.warmup)
        for group in configuration.route
        if plans.concern(source_ip, group)
    ]
