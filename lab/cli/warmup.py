"""``mtalab warmup``: what each source IP that is being warmed up may still send today."""

import contextlib
from dataclasses import asdict, dataclass

import typer
from rich import box
from rich.table import Table

from affinity.configuration import Configuration
from affinity.route import Routes
from affinity.warmup import Quotas, begin_of, day_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.stores import store_of
from store import quotas
from store.engine import Store
from world.clock import SystemClock


@dataclass(frozen=True, slots=True)
class _Line:
    source_ip: str
    mx_group: str
    quota: int | None  # of today; None: no limit any more
    spent: int  # of it, what is in hand included
    tomorrow: int | None
    day_ends_at: float


def register(app: typer.Typer) -> None:
    @app.command(name="warmup")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Show today's warm-up quotas: by source IP and MX group, and what is spent of them."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = _lines(store, loaded.configuration, now)
        if json:
            print_json([asdict(each) for each in found])
            return
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("source IP", "MX group", "today", "spent", "tomorrow"):
            table.add_column(column, justify="left" if column[0] in "sM" else "right")
        for each in found:
            said = ["no limit" if one is None else str(one) for one in (each.quota, each.tomorrow)]
            table.add_row(each.source_ip, each.mx_group, said[0], str(each.spent), said[1])
        console().print(table)
        console().print(f"today ends {moment(begin_of(day_of(now) + 1))}")


def _lines(store: Store, configuration: Configuration, now: float) -> list[_Line]:
    routes, day = Routes(configuration.route), day_of(now)
    plans = Quotas(configuration.warmup, routes)
    spent = store.read_now(quotas.spent, day)
    return [
        _Line(
            source_ip,
            group,
            plans.of(source_ip, group, day),
            spent.get((source_ip, group), 0),
            plans.of(source_ip, group, day + 1),
            begin_of(day + 1),
        )
        for source_ip in dict.fromkeys(plan.ip for plan in configuration.warmup)
        for group in configuration.route
        if plans.concern(source_ip, group)
    ]
