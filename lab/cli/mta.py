"""``mtalab mta``: run one instance alone; list, stop and start those of a running lab."""

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from lab.acting.instances import start as start_it
from lab.acting.instances import stop as stop_it
from lab.cli.durations import seconds_of
from lab.cli.instance_names import Name
from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import ago, console, print_json
from lab.instance_lines import Line, instance_of, lines
from lab.lifetime import this_user
from lab.stores import store_of
from world.clock import SystemClock

Within = Annotated[str, typer.Option(help="How long to wait for it, such as 30s; 0s: not at all.")]


def register(app: typer.Typer) -> None:
    mta = typer.Typer(
        no_args_is_help=True, help="MTA instances: run one alone; list, stop and start them."
    )
    app.add_typer(mta, name="mta")

    @mta.command()
    def run(
        name: Name,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run one MTA instance and its worker processes, apart from `mtalab up`."""
        from lab.machine import ThisMachine
        from lab.services.instance import run_instance
        from lab.services.loop import in_loop

        given = service(config, json=json, log=log_format)
        loaded, instance = given.loaded, instance_of(given.loaded, name)
        in_loop(
            run_instance(loaded, instance, given.reload, given.log(f"mta@{name}"), ThisMachine())
        )

    @mta.command(name="list")
    def listing(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the instances: state, workers, affinities, messages in hand."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = lines(store, loaded, now)
        if json:
            print_json([asdict(each) for each in found])
            return
        _print(found, now)

    _register_control(mta)


def _register_control(mta: typer.Typer) -> None:
    @mta.command()
    def stop(
        name: Name, within: Within = "30s", json: JsonOption = False, config: ConfigOption = None
    ) -> None:
        """Stop an instance until it is started again; its mail waits, through restarts too."""
        loaded, clock = loaded_from(config), SystemClock()
        within_s = seconds_of(within, "--within")
        with contextlib.closing(store_of(loaded)) as store:
            done, left = stop_it(loaded, store, clock, name, this_user(), within_s)
        if json:
            print_json({"instance": name, "changed": done, "workers": left})
        else:
            was = "is stopped" if done else "was stopped already"
            still = f"; {left} of its workers are still at work" if left else ""
            print(f"mta@{name} {was}{still}; `mtalab mta start {name}` starts it")
        raise typer.Exit(1 if left else 0)

    @mta.command()
    def start(
        name: Name, within: Within = "30s", json: JsonOption = False, config: ConfigOption = None
    ) -> None:
        """Start an instance that was stopped by hand."""
        loaded, clock = loaded_from(config), SystemClock()
        within_s = seconds_of(within, "--within")
        with contextlib.closing(store_of(loaded)) as store:
            done, running, expected = start_it(loaded, store, clock, name, this_user(), within_s)
        if json:
            print_json({"instance": name, "changed": done, "workers": running})
        else:
            was = "may run again" if done else "was not stopped by hand"
            how = f"; {running} of {expected} workers run" if expected else ""
            idle = "" if expected else "; it does so with the next `mtalab up`"
            print(f"mta@{name} {was}{how}{idle}")
        raise typer.Exit(1 if running < expected else 0)


def _print(found: list[Line], now: float) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("instance", "state", "workers", "affinities", "in hand", ""):
        table.add_column(column, justify="right" if column in ("workers", "in hand") else "left")
    for each in found:
        style = "" if each.state == "running" else "yellow"
        halted = (
            "" if each.halted_at is None else f"{ago(now - each.halted_at)} by {each.halted_by}"
        )
        table.add_row(
            f"mta@{each.name}",
            Text(each.state, style),
            f"{each.workers}/{each.configured}",
            ", ".join(each.affinities),
            str(each.in_hand),
            halted,
        )
    console().print(table)
