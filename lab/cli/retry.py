"""``mtalab retry``: failed messages are sent once more."""

import contextlib
from typing import Annotated

import typer

from lab.acting.messages import retry
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.cli.steering import (
    DomainOption,
    MessageOption,
    ReasonOption,
    SomeDelivery,
    filter_of,
    progress_of,
)
from lab.stores import store_of
from lab.submit.terms import validity_of
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
            with progress_of("retrying") as told:
                changed = retry(store, clock, wanted, valid_s, told=told)
        if json:
            print_json({"retried": changed})
        else:
            print(f"pending again: {changed}")
        if not changed:
            raise typer.Exit(1)
