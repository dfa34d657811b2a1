"""``mtalab cancel``: a delivery, one message, or those of a delivery that a filter names."""

import contextlib

import typer

from lab.acting.messages import cancel
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.cli.steering import (
    DomainOption,
    MessageOption,
    ReasonOption,
    SomeDelivery,
    filter_of,
    progress_of,
    steer,
)
from lab.stores import store_of
from mail.states import DeliveryEvent
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="cancel")
    def command(
        delivery: SomeDelivery = None,
        message: MessageOption = None,
        domain: DomainOption = None,
        reason: ReasonOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Cancel a delivery for good, or only its pending messages that a filter names."""
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            wanted = filter_of(store, delivery, message, domain, reason)
            if delivery is not None and message is None and domain is None and reason is None:
                steer(store, clock, delivery, DeliveryEvent.CANCELLED, json=json)
                return
            with progress_of("cancelling") as told:
                changed, in_hand = cancel(store, clock, wanted, told=told)
        if json:
            print_json({"cancelled": changed, "in_hand": in_hand})
        else:
            print(f"{changed} messages cancelled")
            if in_hand:
                print(f"{in_hand} are in a worker's hand and were left: try again in a moment")
        if not changed:
            raise typer.Exit(1)
