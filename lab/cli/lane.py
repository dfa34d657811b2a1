"""``mtalab lane``: list lanes, suspend them and resume them."""

import contextlib
import math
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from lab.cli.completion import lane_names
from lab.cli.durations import BadDuration, seconds_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json
from lab.lane_names import matching
from lab.lifetime import this_user
from lab.shapes.lane import as_json, suspension
from lab.stores import store_of
from mail.errors import Where
from mail.notation import said_duration
from monitor.lanes import LaneLine, configured_lanes, lane_lines
from store import lanes
from world.clock import SystemClock

LaneArgument = Annotated[
    str,
    typer.Argument(
        metavar="LANE",
        help="An MX group, for all its lanes; or one lane: 127.0.1.1/gmail. * and ? may stand in.",
        autocompletion=lane_names,
    ),
]


def register(app: typer.Typer) -> None:
    lane = typer.Typer(
        no_args_is_help=True, help="Lanes (source IP and MX group): list, suspend, resume."
    )
    app.add_typer(lane, name="lane")

    @lane.command(name="list")
    def listing(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the lanes: affinities, limits, who works on them, suspensions."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            found = lane_lines(store, loaded.configuration, now)
        if json:
            print_json([as_json(each) for each in found])
        else:
            _print(found)

    @lane.command()
    def suspend(
        name: LaneArgument,
        length: Annotated[
            str | None,
            typer.Option("--for", help="Such as 10m; otherwise until it is resumed."),
        ] = None,
        because: Annotated[str, typer.Option(help="Why; `status` and the audit show it.")] = "",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Send nothing more on lanes; what waits there waits, other lanes take their turns."""
        loaded, now = loaded_from(config), SystemClock().now()
        until = math.inf if length is None else now + _seconds(length)
        with contextlib.closing(store_of(loaded)) as store:
            keys = matching(name, configured_lanes(loaded.configuration))
            done = store.write_now(
                lanes.suspend, keys, until, " ".join(because.split()), this_user(), now
            )
        if json:
            print_json([suspension(each) for each in done])
            return
        how = f"for {said_duration(until - now)}" if math.isfinite(until) else "until it is resumed"
        for each in done:
            print(f"lane {each.lane} is suspended {how}")

    @lane.command()
    def resume(name: LaneArgument, json: JsonOption = False, config: ConfigOption = None) -> None:
        """End the suspension of lanes. Exit code 1: none of them was suspended."""
        loaded, now = loaded_from(config), SystemClock().now()
        with contextlib.closing(store_of(loaded)) as store:
            keys = matching(name, lane_lines(store, loaded.configuration, now))
            done = store.write_now(lanes.resume, keys, this_user(), now)
        if json:
            print_json({"resumed": done})
        else:
            print("\n".join(f"lane {each} is resumed" for each in done) or "none was suspended")
        raise typer.Exit(0 if done else 1)


def _seconds(length: str) -> float:
    found = seconds_of(length, "--for")
    if found <= 0:
        raise BadDuration(
            "a suspension of no length is none",
            where=Where(key="--for"),
            remedy="Such as 10m; without --for it lasts until it is resumed.",
        )
    return found


def _print(found: list[LaneLine]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("lane", "affinities", "connections", "an hour", "in hand", "by", ""):
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for each in found:
        table.add_row(
            each.lane,
            ", ".join(each.affinities),
            str(each.max_connections or "-"),
            str(each.messages_per_hour or "-"),
            str(each.in_hand),
            ", ".join(each.workers),
            Text(_words(each), "yellow"),
        )
    console().print(table)


_NUMBERS = ("connections", "an hour", "in hand")


def _words(line: LaneLine) -> str:
    words = []
    if line.suspended_until is not None:
        has_end = math.isfinite(line.suspended_until)
        until = moment(line.suspended_until) if has_end else "it is resumed"
        words.append(f"suspended until {until}" + (f": {line.because}" if line.because else ""))
    if not line.is_configured:
        words.append("not configured")
    return "; ".join(words)
