"""``mtalab bounces list``: the mail that came back."""

import contextlib
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.shapes.bounce import as_json
from lab.stores import store_of
from mail.inbound import InboundKind, Qualification
from store import inbound_log


def register(bounces: typer.Typer) -> None:
    @bounces.command(name="list")
    def listing(
        delivery: Annotated[
            int | None, typer.Option(metavar="ID", help="About messages of this delivery.")
        ] = None,
        kind: Annotated[InboundKind | None, typer.Option(help="Of this kind.")] = None,
        to_qualify: Annotated[
            bool, typer.Option("--to-qualify", help="Those that a person has to look at.")
        ] = False,
        limit: Annotated[int, typer.Option("-n", min=1, help="How many, the newest first.")] = 50,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List the mail that came back, and what became of the messages that it is about."""
        wanted = inbound_log.Wanted(
            delivery, kind, Qualification.TO_QUALIFY if to_qualify else None
        )
        with contextlib.closing(store_of(loaded_from(config))) as store:
            found = store.read_now(inbound_log.find, wanted, limit)
        if json:
            print_json([as_json(each) for each in found])
        else:
            _print(found)


def _print(found: list[inbound_log.Inbound]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("id", justify="right")
    for column in ("came", "kind", "message", "to", "effect", "reason", "text"):
        table.add_column(column, overflow="fold")
    for each in found:
        reason = "" if each.reason is None else f"{each.reason.label} ({each.failure})"
        table.add_row(
            str(each.id),
            moment(each.received_at),
            each.kind,
            "" if each.message_id is None else str(each.message_id),
            each.address or each.recipient,
            each.effect,
            reason,
            f"{each.code or ''} {each.text}".strip(),
        )
    console().print(table)
