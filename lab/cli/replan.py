"""``mtalab replan``: queued mail follows the configuration now."""

import asyncio
import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from lab.cli.durations import seconds_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.stores import store_of
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="replan")
    def command(
        within: Annotated[str, typer.Option(help="How long a running scheduler may take.")] = "30s",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Plan queued mail anew by the configuration as it is: MX group and source IPs.

        A running scheduler does so by itself after each change; this makes sure of it, and does it
        where none runs. Exit code 1: some plans are still others, because the scheduler goes by
        another configuration.
        """
        from lab.replanning import replan_now
        from monitor.outlook import Circumstances, Outlook

        loaded, within_s = loaded_from(config), seconds_of(within, "--within")
        outlook = Outlook(loaded.configuration, Circumstances())
        with contextlib.closing(store_of(loaded)) as store:
            done = asyncio.run(replan_now(loaded, store, outlook, SystemClock(), within_s))
        if json:
            print_json({"ok": not done.left, **asdict(done)})
        elif done.left:
            print(f"{_said(done.left.plans, done.left.deliveries)} the configuration: {done.why}")
        elif done.by is None:
            print("all queued mail is planned as the configuration says")
        elif done.by == "scheduler":
            print(f"the scheduler planned anew {done.found.plans} domains of deliveries")
        else:
            print(
                f"planned anew: {done.found.plans} domains of deliveries, {done.messages} messages"
            )
        raise typer.Exit(1 if done.left else 0)


def _said(plans: int, deliveries: int) -> str:
    if not plans:
        return f"parts of {deliveries} deliveries do not fit"
    return f"{plans} domains of deliveries are not planned by"
