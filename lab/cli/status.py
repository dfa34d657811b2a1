"""``mtalab status``: what runs, then what waits and why."""

import contextlib
from dataclasses import asdict
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import ago, console, moment, print_json
from lab.configuration import Loaded
from lab.doors import doors
from lab.kept import now_of
from lab.shapes.delivery import rates
from lab.stores import store_of
from mail.states import MessageStatus
from monitor.status import Status, status
from store.modules import READERS
from world.clock import SystemClock

_STYLES = {"running": "green", "stopped": "yellow", "lost": "red"}


def register(app: typer.Typer) -> None:
    @app.command(name="status")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Modules, deliveries and queues. Exit code 1: something does not run, or is blocked."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = status(
                store, loaded.configuration, now_of(loaded, SystemClock()), _expected(loaded)
            )
        if json:
            print_json(_as_json(found))
        else:
            _print(found)
        raise typer.Exit(0 if _is_well(found) else 1)


def _expected(loaded: Loaded) -> list[str]:
    names = ["scheduler", *(f"mta@{name}" for name in loaded.configuration.mta)]
    names += [door.key for door in doors(loaded.configuration)]
    if loaded.configuration.webhook:
        names.append("webhooks")
    if loaded.configuration.reader:
        names.append(READERS)
    return [*names, "sinks"] if loaded.configuration.sink else names


def _is_well(found: Status) -> bool:
    return all(each.state == "running" for each in found.modules) and not any(
        each.blocked for each in found.queues
    )


def _as_json(found: Status) -> dict[str, Any]:
    return {
        "ok": _is_well(found),
        "now": found.now,
        "modules": [asdict(each) for each in found.modules],
        "deliveries": [
            {
                "delivery": each.id,
                "label": each.label,
                "status": each.status,
                "affinity": each.affinity,
                "messages": each.messages,
                "counts": dict(each.counts),
                "processed_rate": rates(each)[0],
                "success_rate": rates(each)[1],
            }
            for each in found.deliveries
        ],
        "queues": [asdict(each) for each in found.queues],
    }


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
