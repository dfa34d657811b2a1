"""``mtalab restore ID…``: deleted deliveries come back."""

import contextlib
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.stores import store_of
from store import retention
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="restore")
    def command(
        delivery: Annotated[list[int], typer.Argument(metavar="ID…", help="Deliveries.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Bring deleted deliveries back, as long as they are not purged."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            store.write_now(retention.restore, delivery, SystemClock().now())
        if json:
            print_json({"restored": delivery})
        else:
            print(f"{len(delivery)} deliveries restored")
