"""``mtalab delete ID…``: deliveries that are over are hidden, and go with the next pruning."""

import contextlib
import sys
from typing import Annotated

import typer

from lab.cli.completion import delivery_ids
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.stores import store_of
from mail.errors import UserError, Where
from mail.notation import said_duration
from store import deliveries, retention
from world.clock import SystemClock


class NotAgreed(UserError):
    """Nobody said yes."""


def register(app: typer.Typer) -> None:
    @app.command(name="delete")
    def command(
        delivery: Annotated[
            list[int],
            typer.Argument(metavar="ID…", help="Deliveries.", autocompletion=delivery_ids),
        ],
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Delete deliveries that are over, with all that is theirs.

        They vanish from lists at once. `mtalab restore` brings them back until `mtalab prune`
        removes them, seven days later unless [retention] says otherwise.
        """
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = [store.read_now(deliveries.get, each) for each in delivery]
            if not yes:
                _ask(found)
            chosen = store.write_now(retention.delete, delivery, "an operator", SystemClock().now())
        kept_s = loaded.configuration.retention.deleted
        if json:
            print_json({"deleted": chosen, "kept_s": kept_s})
            return
        print(f"{len(chosen)} deliveries deleted")
        if kept_s is not None:
            print(f"`mtalab prune` removes them for good after {said_duration(kept_s)}")


def _ask(found: list[deliveries.Delivery]) -> None:
    names = ", ".join(f"{each.id} ({each.label}, {each.messages} messages)" for each in found)
    if not sys.stdin.isatty():
        raise NotAgreed(
            f"delivery {names} would be deleted, and nobody is here to ask",
            where=Where(key="--yes"),
            remedy="Give --yes.",
        )
    typer.confirm(f"Delete {names}?", abort=True)
