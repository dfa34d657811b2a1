"""``mtalab tracking-key``: the keys that seal links: list them, make one, withdraw old ones."""

import contextlib
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment, print_json
from lab.stores import store_of
from mail.seal import KEY_BYTES
from store import audit, keys
from store.engine import Store
from world.chance import SeededChance
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    key = typer.Typer(
        no_args_is_help=True, help="Keys that seal tracked links: list, rotate, withdraw."
    )
    app.add_typer(key, name="tracking-key")

    @key.command(name="list")
    def listing(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the keys, the newest first, by number and age; never the keys themselves."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            _tell(store, json=json)

    @key.command()
    def rotate(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Make a new key: it seals what is sent from then on; older ones still open their links."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            store.write_now(keys.rotate, SeededChance().secret(KEY_BYTES), now)
            store.write_now(audit.note, now, "a new key seals tracked links")
            _tell(store, json=json)

    @key.command()
    def withdraw(
        keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 1,
        anyway: Annotated[
            bool,
            typer.Option("--anyway", help="Also while deliveries that began with them are sent."),
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Withdraw all but the newest keys: links that they sealed lead nowhere any more."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            gone = store.write_now(keys.withdraw, keep, anyway=anyway)
            store.write_now(audit.note, now, f"{gone} keys of tracked links are withdrawn")
            _tell(store, json=json)


def _tell(store: Store, *, json: bool) -> None:
    found = store.read_now(keys.listed)
    if json:
        print_json([{"key": number, "made_at": made_at} for number, made_at in found])
        return
    for at, (number, made_at) in enumerate(found):
        print(
            f"key {number} of {moment(made_at)}: {'opens links' if at else 'seals and opens links'}"
        )
    if not found:
        print("there is no key yet: the first tracked delivery makes one")
