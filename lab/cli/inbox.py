"""``mtalab inbox``: what the sinks received, and kept."""

import email
import email.policy
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from lab.cli.completion import sink_names
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.shapes.received import as_json
from sinks.inbox import InboxEntry, content, list_inbox
from sinks.receipts import Receipt, receipt_by_id


def register(app: typer.Typer) -> None:
    inbox = typer.Typer(
        invoke_without_command=True, help="What the sinks received: list it, or show one message."
    )
    app.add_typer(inbox, name="inbox")

    @inbox.callback()
    def listing(
        context: typer.Context,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest ones.")] = 50,
        sink: Annotated[
            str | None, typer.Option(help="Of this sink alone.", autocompletion=sink_names)
        ] = None,
        recipient: Annotated[
            str | None, typer.Option(help="To this address, with * and ?.")
        ] = None,
        subject: Annotated[str | None, typer.Option(help="With this text in the subject.")] = None,
        folder: Annotated[
            Path | None, typer.Option(help="Of a sink that runs alone: its folder.")
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List what the sinks received, the newest first."""
        if context.invoked_subcommand is not None:
            context.obj = (config, folder)
            return
        place = _place(config, folder)
        found = list_inbox(place, limit, sink=sink, recipient=recipient, subject=subject)
        if json:
            print_json([as_json(each) for each in found])
            return
        _print_list(found)

    @inbox.command()
    def show(
        context: typer.Context,
        number: Annotated[str, typer.Argument(metavar="ID", help="Its id in the list.")],
        source: Annotated[bool, typer.Option("--source", help="The message as received.")] = False,
        html: Annotated[bool, typer.Option("--html", help="Its HTML part.")] = False,
        folder: Annotated[
            Path | None, typer.Option(help="Of a sink that runs alone: its folder.")
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show one received message: headers and text, its HTML, or its source."""
        above = context.obj
        place = _place(config or above[0], folder or above[1])
        receipt = receipt_by_id(place, number)
        raw = content(place, receipt)
        if source:
            sys.stdout.buffer.write(raw)
            return
        _show(receipt, raw, html=html, wants_json=json)


def _place(config: Path | None, folder: Path | None) -> Path:
    return loaded_from(config).directory if folder is None else folder


def _show(receipt: Receipt, raw: bytes, *, html: bool, wants_json: bool) -> None:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    if wants_json:
        entry = InboxEntry(receipt, str(message["From"] or ""), str(message["Subject"] or ""))
        print_json(
            {
                **as_json(entry),
                "headers": [[name, str(value)] for name, value in message.items()],
                "text": _part(message, "plain"),
                "html": _part(message, "html"),
            }
        )
        return
    if html:
        print(_part(message, "html") or "")
        return
    print(f"X-Received-By: {receipt.sink} from {receipt.peer_ip} ({receipt.ehlo})")
    print(f"X-Envelope: {receipt.mail_from} → {', '.join(receipt.rcpt_to)}")
    for name, value in message.items():
        print(f"{name}: {value}")
    print()
    print(_part(message, "plain") or "")


def _print_list(found: list[InboxEntry]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("id", "received", "from IP", "to", "subject"):
        table.add_column(column, overflow="fold")
    for each in found:
        receipt = each.receipt
        table.add_row(
            receipt.id,
            moment(receipt.time),
            receipt.peer_ip,
            ", ".join(receipt.rcpt_to),
            each.subject,
        )
    console().print(table)


def _part(message: Any, kind: str) -> str | None:
    body = message.get_body(preferencelist=(kind,))
    return None if body is None else str(body.get_content())
