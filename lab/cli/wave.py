"""``mtalab wave``: list the waves of a delivery, start one before its time."""

import contextlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.cli.steering import Delivery
from lab.lifetime import this_user
from lab.shapes.wave import as_json
from lab.stores import store_of
from store import waves
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    wave = typer.Typer(
        no_args_is_help=True, help="Waves of a delivery (`submit --waves`): list, start."
    )
    app.add_typer(wave, name="wave")

    @wave.command(name="list")
    def listing(delivery: Delivery, json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the waves of a delivery: their messages, and when each begins or began."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = store.read_now(waves.of, delivery)
        if json:
            print_json([as_json(each) for each in found])
            return
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("wave", justify="right")
        table.add_column("messages", justify="right")
        table.add_column("planned for")
        table.add_column("started")
        for each in found:
            started = "-" if each.started_at is None else moment(each.started_at)
            table.add_row(str(each.wave), str(each.messages), moment(each.starts_at), started)
        console().print(table if found else f"delivery {delivery} goes in one")

    @wave.command()
    def start(
        delivery: Delivery,
        number: Annotated[int, typer.Argument(metavar="N", help="Number of the wave, from 1.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Start a wave before its time; the others keep theirs."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            done = store.write_now(waves.begin, delivery, number, this_user(), now)
        if json:
            print_json(as_json(done))
        else:
            print(f"wave {number} of delivery {delivery} is started: {done.messages} messages")
