"""``mtalab audit``: what happened to the lab and its deliveries, in words."""

import contextlib
from typing import Annotated

import typer

from lab.cli.completion import delivery_ids
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment, print_json
from lab.shapes.audit import as_json
from lab.stores import store_of
from store import audit, deliveries


def register(app: typer.Typer) -> None:
    @app.command(name="audit")
    def command(
        delivery: Annotated[
            int | None, typer.Option("--delivery", "-d", autocompletion=delivery_ids)
        ] = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The last ones.")] = 50,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show what happened: analysis, starts and ends, operators' actions, dead workers."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            if delivery is not None:
                store.read_now(deliveries.get, delivery)  # an unknown one is refused
            found = store.read_now(audit.entries, delivery_id=delivery, limit=limit)
        if json:
            print_json([as_json(each) for each in found])
            return
        for each in found:
            whose = "lab" if each.delivery_id is None else f"delivery {each.delivery_id}"
            mark = "" if each.level == "info" else f"{each.level}: "
            print(f"{moment(each.at)} {whose:>12} {mark}{each.text}")
