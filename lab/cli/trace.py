"""``mtalab trace``: what is said on connections: have it recorded, read it, follow it."""

import contextlib
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from lab.cli import trace_export
from lab.cli.completion import delivery_ids, lane_names
from lab.cli.durations import positive_seconds_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment, print_json, say
from lab.cli.trace_target import Target, domain_of, gone_lane, target_of
from lab.cli.trace_view import dialogue_json, line_json, print_dialogue, print_line
from lab.compose import traces_of
from lab.configuration import Loaded
from lab.lane_names import matching
from lab.lifetime import this_user
from lab.stores import store_of
from mail.notation import said_duration
from monitor.lanes import configured_lanes
from mta.trace import files
from mta.trace.dialogues import dialogues
from store import deliveries, traces
from store.engine import Store
from store.traces import Trace, TraceKind
from world.clock import SystemClock

FOLLOW_EVERY_S: Final = 0.2

Lanes = Annotated[
    list[str] | None,
    typer.Option(
        "--lane",
        metavar="LANE",
        help="An MX group, for all its lanes; or one lane: 127.0.1.1/gmail.",
        autocompletion=lane_names,
    ),
]
Domains = Annotated[
    list[str] | None,
    typer.Option("--domain", metavar="DOMAIN", help="Recipient domain, with * and ?."),
]
Deliveries = Annotated[
    list[int] | None,
    typer.Option("--delivery", "-d", metavar="ID", autocompletion=delivery_ids),
]

Named = tuple[list[str] | None, list[str] | None, list[int] | None]  # by these options


class _ShowUnlessNamed(TyperGroup):
    """A first word that is no command of the group is what is to be shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    trace = typer.Typer(
        cls=_ShowUnlessNamed,
        no_args_is_help=True,
        help="What is said on connections: `trace on` has it recorded, `trace LANE|DOMAIN|MESSAGE` "
        "shows it, `--follow` as it is said.",
    )
    app.add_typer(trace, name="trace")
    trace_export.register(trace)

    @trace.command()
    def on(
        lane: Lanes = None,
        domain: Domains = None,
        delivery: Deliveries = None,
        length: Annotated[
            str | None, typer.Option("--for", help="Such as 10m; otherwise until `trace off`.")
        ] = None,
        content: Annotated[
            bool, typer.Option("--content", help="Messages too, not only their sizes.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Record what is said: on lanes, for a domain or a delivery; without any, everywhere."""
        loaded = loaded_from(config)
        _on(loaded, (lane, domain, delivery), length, content=content, json=json)

    @trace.command()
    def off(
        lane: Lanes = None,
        domain: Domains = None,
        delivery: Deliveries = None,
        clear: Annotated[
            bool, typer.Option("--clear", help="Remove all that is recorded.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Record no more: of what is named, or nothing at all. Exit code 1: nothing was traced."""
        loaded = loaded_from(config)
        raise typer.Exit(_off(loaded, (lane, domain, delivery), clear=clear, json=json))

    @trace.command(name="list")
    def listing(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List what is being recorded, and how much there is."""
        _list(loaded_from(config), json=json)

    @trace.command()
    def show(
        target: Annotated[
            str,
            typer.Argument(
                metavar="LANE|DOMAIN|MESSAGE",
                help="127.0.1.1/gmail or an MX group; gmail.test or *.test; a message's number.",
                autocompletion=lane_names,
            ),
        ],
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Each line as it is said.")
        ] = False,
        limit: Annotated[
            int, typer.Option("--limit", "-n", min=1, help="The last connections.")
        ] = 10,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show what was said, by connection. Exit code 1: nothing is recorded of it."""
        loaded = loaded_from(config)
        raise typer.Exit(_show(loaded, target, limit, follow=follow, json=json))


def _on(loaded: Loaded, named: Named, length: str | None, *, content: bool, json: bool) -> None:
    now = SystemClock().now()
    until = math.inf if length is None else now + positive_seconds_of(length, "--for")
    with contextlib.closing(store_of(loaded)) as store:
        keys = _keys(store, loaded, named)
        wanted = [Trace(*key, until, content, this_user()) for key in keys]
        found = store.write_now(traces.begin, wanted, now)
    if json:
        print_json([_as_json(each) for each in found])
        return
    how = f"for {said_duration(until - now)}" if math.isfinite(until) else "until `trace off`"
    for each in wanted:
        print(f"{each} is traced {how}")


def _off(loaded: Loaded, named: Named, *, clear: bool, json: bool) -> int:
    now = SystemClock().now()
    with contextlib.closing(store_of(loaded)) as store:
        every = store.read_now(traces.traces, now)
        keys = [(each.kind, each.value) for each in every]
        if any(named):
            lanes = [each.value for each in every if each.kind is TraceKind.LANE]
            keys = _keys(store, loaded, named, lanes)
        ended = store.write_now(traces.end, keys, this_user(), now)
    cleared = files.clear(traces_of(loaded)) if clear else None
    if json:
        print_json({"ended": [_as_json(each) for each in ended], "cleared_bytes": cleared})
    else:
        for each in ended:
            print(f"{each} is not traced any more")
        if not ended:
            print("nothing was traced")
        if cleared is not None:
            print(f"removed {cleared} bytes")
    return 0 if ended or cleared else 1


def _list(loaded: Loaded, *, json: bool) -> None:
    now = SystemClock().now()
    folder = traces_of(loaded)
    with contextlib.closing(store_of(loaded)) as store:
        found = store.read_now(traces.traces, now)
    size = files.size_of(folder)
    if json:
        told = [_as_json(each) for each in found]
        print_json({"traces": told, "folder": str(folder), "bytes": size})
        return
    for each in found:
        until = f"until {moment(each.until)}" if each.has_end else "until `trace off`"
        print(f"{each}, {until}, by {each.by}{', with content' if each.content else ''}")
    print(f"{size} bytes in {folder}")


def _show(loaded: Loaded, target: str, limit: int, *, follow: bool, json: bool) -> int:
    now = SystemClock().now()
    folder = traces_of(loaded)
    with contextlib.closing(store_of(loaded)) as store:
        wanted = target_of(target, store, loaded, lambda: _lanes_in(folder), now)
        is_on = bool(store.read_now(traces.traces, now))
    if follow:
        if not is_on:
            say("nothing is recorded: `mtalab trace on` begins it")
        _follow(folder, wanted, json=json)
    found = dialogues(lambda: files.read(folder), wanted.is_lane, wanted.is_message, limit)
    if json:
        print_json([dialogue_json(each) for each in found])
    else:
        for each in found:
            print_dialogue(each)
        if not found:
            hint = "" if is_on else "; `mtalab trace on` begins to record"
            print(f"nothing is recorded of {wanted.words}{hint}")
    return 0 if found else 1


def _keys(
    store: Store, loaded: Loaded, named: Named, lanes: Sequence[str] = ()
) -> list[tuple[TraceKind, str]]:
    """What the options name; ``lanes`` are known though they may not be configured any more.

    Raises:
        UnknownLane, UnknownDelivery: there is none such.
    """
    lane, domain, delivery = named
    known = [*configured_lanes(loaded.configuration), *map(gone_lane, lanes)]
    found = [(TraceKind.LANE, key) for each in lane or () for key in matching(each, known)]
    found += [(TraceKind.DOMAIN, domain_of(each)) for each in domain or ()]
    for each in delivery or ():
        store.read_now(deliveries.get, each)
        found.append((TraceKind.DELIVERY, str(each)))
    return list(dict.fromkeys(found)) or [(TraceKind.ALL, "")]


def _as_json(found: Trace) -> dict[str, Any]:
    return {
        "kind": str(found.kind),
        "value": found.value,
        "until": found.until if found.has_end else None,
        "content": found.content,
        "by": found.by,
    }


def _lanes_in(folder: Path) -> set[str]:
    return {each.ends.lane for each in files.read(folder)}


def _follow(folder: Path, wanted: Target, *, json: bool) -> None:
    with contextlib.closing(files.Following(folder)) as following:
        while True:
            for each in following.new():
                if wanted.covers(each):
                    (line_json if json else print_line)(each)
            time.sleep(FOLLOW_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile
