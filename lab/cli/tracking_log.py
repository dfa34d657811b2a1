"""``mtalab tracking-log``: what came back of messages, a line for each open and click."""

import contextlib
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from lab.cli.completion import delivery_ids
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment
from lab.shapes.tracking import as_json
from lab.stores import store_of
from mail.tracked import Kind
from store import deliveries, tracking_search
from store.tracking_search import Entry, Filter


class KindName(StrEnum):
    """Kinds as words on the command line."""

    CLICK = "click"
    OPEN = "open"
    OPT_OUT = "opt_out"
    PAGE = "page"
    TRANSACTION = "transaction"
    MIRROR = "mirror"


def register(app: typer.Typer) -> None:
    @app.command(name="tracking-log")
    def command(
        delivery: Annotated[
            int | None, typer.Option("--delivery", "-d", autocompletion=delivery_ids)
        ] = None,
        recipient: Annotated[
            str | None, typer.Option("--recipient", "-r", help="An address.")
        ] = None,
        kind: Annotated[KindName | None, typer.Option("--kind", "-k")] = None,
        humans: Annotated[
            bool, typer.Option("--humans", help="Without what machines did.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The last ones.")] = 50,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show opens, clicks, unsubscriptions, pages; with --json a JSON object per line."""
        loaded = loaded_from(config)
        wanted = Filter(
            delivery_id=delivery,
            address=recipient,
            kind=None if kind is None else Kind[kind.name],
            humans=humans,
        )
        with contextlib.closing(store_of(loaded)) as store:
            if delivery is not None:
                store.read_now(deliveries.get, delivery)  # an unknown one is refused
            found = store.read_now(tracking_search.entries, wanted, limit)
        for each in found:
            print(orjson.dumps(as_json(each)).decode() if json else as_text(each))


def as_text(entry: Entry) -> str:
    """A line for people."""
    label = entry.label or (f"link {entry.url}" if entry.url else "")
    what = f"{entry.page}" if entry.page is not None else label
    sold = "" if entry.amount is None else f" {entry.amount:.2f}"
    mark = "" if entry.machine is None else f" [machine: {entry.machine}]"
    who = entry.address or f"message {entry.message_id}"
    by = f"{entry.ip} {entry.agent}"
    return f"{moment(entry.at)} {entry.kind.label:<11} {who} {what}{sold}{mark} {by}"
