"""``mtalab pause ID``: one delivery."""

import contextlib

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.steering import Delivery, steer
from mail.states import DeliveryEvent
from store.schema import open_store
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command(name="pause")
    def command(delivery: Delivery, json: JsonOption = False, config: ConfigOption = None) -> None:
        """Stop sending a delivery; what is in flight ends, the rest waits for `resume`."""
        loaded = loaded_from(config)
        with contextlib.closing(open_store(loaded.store_url)) as store:
            steer(store, SystemClock(), delivery, DeliveryEvent.PAUSED, json=json)
