"""``mtalab down``: stops the lab of this folder."""

import asyncio
from typing import Annotated

import typer

from lab.cli.durations import seconds_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command()
    def down(
        within: Annotated[str, typer.Option(help="How long it may take to stop.")] = "60s",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Stop the lab of this folder, senders first, and wait. Exit code 1: none runs."""
        from lab.detached import stop_lab

        loaded = loaded_from(config)
        within_s = seconds_of(within, "--within")
        pid = asyncio.run(stop_lab(loaded, SystemClock(), within_s))
        if json:
            print_json({"stopped": pid is not None, "pid": pid})
        else:
            print(f"no lab runs in {loaded.directory}" if pid is None else "the lab is stopped")
        raise typer.Exit(1 if pid is None else 0)
