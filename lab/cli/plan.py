"""``mtalab plan``: what another configuration would do to the mail that is queued now."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from lab.acting.outlooks import outlook
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.configuration import Loaded, load
from lab.shapes.plan import as_json, way_as_json
from lab.stores import store_of
from monitor.outlook import Way
from monitor.plan import Change, Effect, Forecast, forecast
from world.clock import SystemClock

ROWS_MAX: Final = 40
_STYLES: Final = {Effect.STUCK: "red", Effect.FREED: "green", Effect.CAUSE: "yellow"}
_SAID: Final = {
    Effect.STUCK: "become stuck",
    Effect.FREED: "get free",
    Effect.CAUSE: "are stuck for another cause",
    Effect.MX_GROUP: "change the MX group",
    Effect.SOURCE_IPS: "change source IPs",
    Effect.LANES: "change lanes",
    Effect.LIMITS: "meet other limits",
}


def register(app: typer.Typer) -> None:
    @app.command(name="plan")
    def command(
        new: Annotated[
            Path | None,
            typer.Argument(
                metavar="[NEW.toml]",
                help="The configuration that is asked about; default: the one there is, for mail "
                "that was planned by another.",
                show_default=False,
            ),
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Say what a changed configuration would do to the mail that is queued; changes nothing.

        By delivery and domain: what would change source IPs, MX group or lane, become stuck and
        for which cause, get free. Exit code 1: some mail would become stuck.
        """
        loaded = loaded_from(config)
        now = SystemClock().now()
        other = loaded if new is None else load(new, os.environ)
        with contextlib.closing(store_of(loaded)) as store:
            found = forecast(store, outlook(store, loaded, now), outlook(store, other, now, loaded))
        is_ok = not found.messages()[Effect.STUCK]
        if json:
            print_json(
                {"ok": is_ok, "file": str(loaded.path), "new": str(other.path), **as_json(found)}
            )
        else:
            _print(found, other)
        raise typer.Exit(0 if is_ok else 1)


def _print(found: Forecast, other: Loaded) -> None:
    changed = sum(each.messages for each in found.changes)
    print(f"{found.pending} messages are queued; by {other.path.name} {changed} of them change")
    if not found.changes:
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("delivery", "affinity", "to", "messages", "what becomes of them"):
        table.add_column(column, justify="right" if column == "messages" else "left")
    rows = _rows(found)
    for changes in rows[:ROWS_MAX]:
        first = changes[0]
        table.add_row(
            str(first.delivery_id),
            first.affinity,
            _named([each.domain for each in changes]),
            str(sum(each.messages for each in changes)),
            Text("; ".join(_words(first)), _STYLES.get(first.effects[0], "")),
        )
    console().print(table)
    if len(rows) > ROWS_MAX:
        print(f"and {len(rows) - ROWS_MAX} lines more; --json has all")
    for effect, messages in found.messages().items():
        if messages:
            of = ", ".join(f"{cause} {count}" for cause, count in found.causes().items())
            print(f"{messages} {_SAID[effect]}" + (f": {of}" if effect is Effect.STUCK else ""))


def _rows(found: Forecast) -> list[list[Change]]:
    """Domains of a delivery of which the same becomes, what matters most first."""
    rows: dict[tuple[Any, ...], list[Change]] = {}
    for each in found.changes:
        key = (each.delivery_id, each.effects, *_words(each))
        rows.setdefault(key, []).append(each)
    order = list(Effect)
    return sorted(
        rows.values(), key=lambda row: (order.index(row[0].effects[0]), row[0].delivery_id)
    )


def _named(domains: list[str]) -> str:
    shown = ", ".join(domains[:3])
    return shown if len(domains) <= 3 else f"{shown} and {len(domains) - 3} more"


def _words(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    for effect in change.effects:
        match effect:
            case Effect.STUCK:
                yield f"stuck: {after.cause}"
            case Effect.FREED:
                yield f"free, was {before.cause}"
            case Effect.CAUSE:
                yield f"stuck: {after.cause}, was {before.cause}"
            case Effect.MX_GROUP:
                yield f"MX group {before.mx_group} → {after.mx_group}"
            case Effect.SOURCE_IPS:
                yield f"source IPs {_list(before.source_ips)} → {_list(after.source_ips)}"
            case Effect.LANES:
                if before.source_ips == after.source_ips and before.mx_group == after.mx_group:
                    yield f"lanes {_list(before.lanes)} → {_list(after.lanes)}"
            case Effect.LIMITS:
                yield f"limits: {_limits(before, after)}"


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words) or "none"


def _limits(before: Way, after: Way) -> str:
    old, new = way_as_json(before), way_as_json(after)
    changed = [
        f"{name} {'none' if old[name] is None else old[name]} → "
        f"{'none' if new[name] is None else new[name]}"
        for name in old
        if old[name] != new[name] and name not in ("mx_group", "source_ips", "lanes", "cause")
    ]
    return ", ".join(changed) or "pacing or timeouts"
