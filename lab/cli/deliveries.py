"""``mtalab deliveries``: the list of deliveries with their counters."""

import contextlib
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.shapes.delivery import as_json, rates
from lab.stores import store_of
from mail.states import MessageStatus
from store import deliveries, retention

CHUNK: Final = 900  # numbers of one question


def register(app: typer.Typer) -> None:
    @app.command(name="deliveries")
    def command(
        limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
        deleted: Annotated[
            bool, typer.Option("--deleted", help="Those that `mtalab restore` can bring back.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List deliveries: label, status, contact date, messages by status."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            ids = None
            if deleted:
                ids = [each.delivery_id for each in store.read_now(retention.deleted)][-CHUNK:]
            found = store.read_now(deliveries.find, ids=ids, limit=limit)
        if json:
            print_json([as_json(each) for each in found])
            return
        table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for column in ("delivery", "label", "status", "affinity", "contact date"):
            table.add_column(column)
        for column in ("messages", *MessageStatus, "processed", "success"):
            table.add_column(column, justify="right")
        for each in found:
            table.add_row(
                str(each.id),
                each.label,
                each.status,
                each.affinity,
                moment(each.contact_at),
                str(each.messages),
                *(str(each.counts.get(status, 0)) for status in MessageStatus),
                *(f"{rate:.1%}" for rate in rates(each)),
            )
        console().print(table)
