"""``mtalab message ID``: one message and all that happened to it."""

import contextlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.shapes.log import as_json
from lab.stores import store_of
from store import log


def register(app: typer.Typer) -> None:
    @app.command(name="message")
    def command(
        number: Annotated[int, typer.Argument(metavar="ID", help="Its number in the log.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show a message and its transitions, oldest first."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found, transitions = store.read_now(log.message, number)
        if json:
            print_json({**as_json(found), "transitions": [as_json(each) for each in transitions]})
            return
        output = console()
        output.print(
            Text.assemble(
                f"message {found.id} of delivery {found.delivery_id} to ",
                (found.address, "bold"),
                ": ",
                (found.status, "bold"),
                f" after {found.attempts} attempts",
            )
        )
        if found.next_attempt_at is not None:
            output.print(f"next attempt: {moment(found.next_attempt_at)}")
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("when", "event", "status", "try", "by", "source IP", "ms", "reply"):
            table.add_column(column, overflow="fold")
        for each in transitions:
            table.add_row(
                moment(each.at),
                each.event,
                each.to_status,
                str(each.attempt),
                "" if each.mta is None else f"{each.mta}-{each.worker_id}",
                each.source_ip or "",
                "" if each.duration_ms is None else f"{each.duration_ms:.0f}",
                f"{each.code or ''} {each.text or ''}".strip(),
            )
        output.print(table)
