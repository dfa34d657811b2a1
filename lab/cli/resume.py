"""``mtalab resume ID``: one delivery."""

import contextlib

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.steering import Delivery, steer
from lab.stores import store_of
from mail.states import DeliveryEvent
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="resume")
    def command(delivery: Delivery, json: JsonOption = False, config: ConfigOption = None) -> None:
        """Go on with a paused delivery."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            steer(store, SystemClock(), delivery, DeliveryEvent.RESUMED, json=json)
