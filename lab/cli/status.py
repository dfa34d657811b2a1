"""``mtalab status``: what runs, then what waits and why."""

import contextlib

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import ago, console, moment, print_json
from lab.kept import now_of
from lab.shapes.delivery import rates
from lab.shapes.status import as_json, expected, is_well
from lab.stores import store_of
from mail.states import MessageStatus
from monitor.status import Status, status
from world.clock import SystemClock

_STYLES = {"running": "green", "stopped": "yellow", "lost": "red"}


def register(app: typer.Typer) -> None:
    @app.command(name="status")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Modules, deliveries and queues. Exit code 1: something does not run, or is blocked."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = status(
                store, loaded.configuration, now_of(loaded, SystemClock()), expected(loaded)
            )
        if json:
            print_json(as_json(found))
        else:
            _print(found)
        raise typer.Exit(0 if is_well(found) else 1)


def _print(found: Status) -> None:
    output = console()
    table = Table(title="Modules", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("module", "state", "pid", "since", "heartbeat", "memory", ""):
        table.add_column(column)
    for each in found.modules:
        style = _STYLES[each.state]
        if not each.pid:
            table.add_row(each.name, Text(each.state, style), "", "", "", "", each.detail)
            continue
        table.add_row(
            each.name,
            Text(each.state, style),
            str(each.pid),
            moment(each.since),
            ago(found.now - each.heartbeat_at),
            f"{each.memory_bytes / 1e6:.0f} MB",
            each.detail,
        )
    output.print(table)
    _print_deliveries(found, output)
    if found.queues:
        table = Table(title="Queues", box=box.SIMPLE_HEAD, title_justify="left")
        for column in ("delivery", "MX group", "place", "messages", "why"):
            table.add_column(column, justify="right" if column == "messages" else "left")
        for line in found.queues:
            why = Text(line.cause, "red" if line.blocked else "")
            table.add_row(str(line.delivery_id), line.mx_group, line.place, str(line.messages), why)
        output.print(table)
    else:
        output.print("Nothing is queued.")


def _print_deliveries(found: Status, output: Console) -> None:
    """Those that are not over."""
    standing = [each for each in found.deliveries if each.finished_at is None]
    if not standing:
        return
    table = Table(title="Deliveries not over", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("delivery", "label", "status", "affinity"):
        table.add_column(column)
    for column in ("messages", "pending", "processed", "success"):
        table.add_column(column, justify="right")
    for each in standing:
        pending = each.counts.get(MessageStatus.PENDING, 0)
        row = (str(each.id), each.label, each.status, each.affinity)
        shares = (f"{rate:.1%}" for rate in rates(each))
        table.add_row(*row, str(each.messages), str(pending), *shares)
    output.print(table)
