"""``mtalab retry``: failed messages are sent once more."""

import contextlib
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.cli.steering import (
    CHUNK,
    DomainOption,
    MessageOption,
    ReasonOption,
    SomeDelivery,
    all_steps,
    filter_of,
    note_action,
)
from lab.cli.submit import validity_of
from lab.stores import store_of
from store import operator
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="retry")
    def command(
        delivery: SomeDelivery = None,
        message: MessageOption = None,
        domain: DomainOption = None,
        reason: ReasonOption = None,
        validity: Annotated[
            str | None,
            typer.Option(help="How long they may take, such as 2h; default: as configured."),
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Make failed messages pending again: all of a delivery, one, or those a filter names."""
        loaded, clock = loaded_from(config), SystemClock()
        valid_s = validity_of(validity, loaded.configuration.validity)
        with contextlib.closing(store_of(loaded)) as store:
            wanted = filter_of(store, delivery, message, domain, reason)
            changed = all_steps(
                lambda after: store.write_now(
                    operator.retry, wanted, after, CHUNK, clock.now(), valid_s
                ),
                "retrying",
            )
            note_action(store, clock, wanted, changed, "retried")
        if json:
            print_json({"retried": changed})
        else:
            print(f"pending again: {changed}")
        if not changed:
            raise typer.Exit(1)
