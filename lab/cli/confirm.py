"""``mtalab confirm ID``: let a delivery start that was submitted with ``--hold``."""

import contextlib

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.steering import Delivery, steer
from lab.stores import store_of
from mail.states import DeliveryEvent
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="confirm")
    def command(delivery: Delivery, json: JsonOption = False, config: ConfigOption = None) -> None:
        """Start a delivery that was submitted with --hold, at its contact date or at once."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            steer(store, SystemClock(), delivery, DeliveryEvent.CONFIRMED, json=json)
