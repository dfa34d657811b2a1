"""``mtalab export``: all that happened, as JSON lines with KumoMTA's field names."""

import contextlib
import sys
from typing import Annotated

import orjson
import typer

from lab.cli.log import time_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.stores import store_of
from monitor.events import record
from store import deliveries, log
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="export")
    def command(
        delivery: Annotated[int | None, typer.Option("--delivery", "-d")] = None,
        since: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        until: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        after: Annotated[
            int, typer.Option(min=0, help="Only what is newer: the last `seq` that you have.")
        ] = 0,
        json: JsonOption = True,  # noqa: ARG001 - it is JSON in any case
        config: ConfigOption = None,
    ) -> None:
        """Write every event as one JSON object per line, oldest first."""
        loaded, clock = loaded_from(config), SystemClock()
        wanted = log.Filter(
            delivery_id=delivery,
            since=time_of("--since", since, clock),
            until=time_of("--until", until, clock),
        )
        domain = loaded.configuration.lab.domain
        with contextlib.closing(store_of(loaded)) as store:
            if delivery is not None:
                store.read_now(deliveries.get, delivery)  # an unknown one is refused
            while found := store.read_now(log.events, wanted, after_id=after):
                for each in found:
                    line = orjson.dumps(record(each, domain), option=orjson.OPT_APPEND_NEWLINE)
                    sys.stdout.write(line.decode())
                after = found[-1].transition.id
