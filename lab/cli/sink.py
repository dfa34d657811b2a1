"""``mtalab sink``: the receiving servers, of a lab or one alone; asked and changed as they run."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich import box
from rich.table import Table

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json, speaker
from mail.errors import UserError, Where

_REPUTATIONS_SHOWN: Final = 3

_PersonalitiesOption = Annotated[
    Path | None,
    typer.Option("--personalities", help="A file with [personality.NAME] tables of your own."),
]
_InboxOption = Annotated[
    Path | None, typer.Option("--inbox", help="The folder of a sink that runs alone.")
]


class Unfitting(UserError):
    """Options that do not go together."""


def register(app: typer.Typer) -> None:
    sink = typer.Typer(
        invoke_without_command=True, help="Run the sinks; ask and change them as they run."
    )
    app.add_typer(sink, name="sink")
    _register_run(sink)
    _register_door(sink)
    _register_lists(sink)


def _register_run(sink: typer.Typer) -> None:
    @sink.callback()
    def run(
        context: typer.Context,
        listen: Annotated[
            str | None,
            typer.Option(
                help="Run one sink alone, without a configuration, at this address:port (port 0: "
                "a free one)."
            ),
        ] = None,
        personality: Annotated[str, typer.Option(help="How it behaves.")] = "accept",
        inbox: Annotated[
            Path | None,
            typer.Option(help="Its folder for receipts and messages; default: ./mtalab-sink."),
        ] = None,
        name: Annotated[str, typer.Option(help="Its name in receipts.")] = "sink",
        mx: Annotated[str, typer.Option(help="The host name that it says.")] = "mx.mtalab.test",
        size_limit: Annotated[int, typer.Option(help="Largest message in bytes.")] = 10
        * 1024
        * 1024,
        personalities: _PersonalitiesOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Run all configured sinks; with --listen, one alone."""
        if context.invoked_subcommand is not None:
            context.obj = config
            return
        from lab.run import in_loop, run_sinks

        if listen is None:
            _only_for_one_alone(context)
            in_loop(run_sinks(loaded_from(config), speaker(as_json=json)))
            return
        from lab.lone_sink import FOLDER, LoneSink, personalities_in, run_lone_sink

        folder = (inbox or FOLDER).absolute()
        own = {} if personalities is None else personalities_in(personalities)
        wanted = LoneSink(listen, name, mx, personality, folder, size_limit)

        def ready(address: str) -> None:
            if json:
                where = {"sink": name, "listen": address, "inbox": str(folder), "pid": os.getpid()}
                print(orjson.dumps(where).decode())
            else:
                print(f"sink {name}: {address}, {personality}, inbox {folder}")
            sys.stdout.flush()  # whoever waits for the address reads it now

        in_loop(run_lone_sink(wanted, own, ready))


def _only_for_one_alone(context: typer.Context) -> None:
    """Options that would be passed over silently are refused."""
    for each in ("personality", "inbox", "name", "mx", "size_limit", "personalities"):
        source = context.get_parameter_source(each)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + each.replace("_", "-")
            raise Unfitting(
                "this is for one sink alone",
                where=Where(key=option),
                remedy="Say --listen ADDRESS:PORT too, or set it under [sink.NAME] in mtalab.toml.",
            )


def _register_door(sink: typer.Typer) -> None:
    @sink.command("set")
    def set_(
        context: typer.Context,
        name: Annotated[str, typer.Argument(metavar="SINK", help="Its name.")],
        personality: Annotated[str, typer.Option(help="How it is to behave from now on.")],
        personalities: _PersonalitiesOption = None,
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Let a running sink behave otherwise at once; it forgets nothing.

        Until it is started again, which the configuration decides.
        """
        from lab.lone_sink import personalities_in
        from sinks.control import ask

        own = {} if personalities is None else personalities_in(personalities)
        tables = {
            each: found.model_dump(mode="json", exclude_unset=True) for each, found in own.items()
        }
        request = {"do": "set", "sink": name, "personality": personality, "personalities": tables}
        answer = ask(_folder(context, config, inbox), request)
        [changed] = [each for each in answer["sinks"] if each["sink"] == name]
        if json:
            print_json(changed)
        else:
            print(f"sink {name}: {changed['personality']}")

    @sink.command("list")
    def list_(
        context: typer.Context,
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """The running sinks: where they listen, how they behave, what they have seen."""
        from sinks.control import ask

        found = ask(_folder(context, config, inbox), {"do": "list"})["sinks"]
        if json:
            print_json(found)
        else:
            _print_sinks(found)


def _register_lists(sink: typer.Typer) -> None:
    @sink.command("personalities")
    def personalities_(
        context: typer.Context,
        personalities: _PersonalitiesOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """The personalities that there are: built in, and those of the configuration."""
        from lab.configuration import NoConfiguration
        from lab.lone_sink import personalities_in
        from sinks.catalogue import built_in_personalities

        own = {} if personalities is None else personalities_in(personalities)
        given = config or context.obj
        if personalities is None:
            try:
                own = loaded_from(given).configuration.personality
            except NoConfiguration:
                if given is not None:
                    raise
        found = [
            {"personality": name, "description": each.description, "built_in": name not in own}
            for name, each in sorted({**built_in_personalities(), **own}.items())
        ]
        if json:
            print_json(found)
            return
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("personality", "what it does", ""):
            table.add_column(column, overflow="fold")
        for line in found:
            where = "" if line["built_in"] else "own"
            table.add_row(str(line["personality"]), str(line["description"]), where)
        console().print(table)

    @sink.command()
    def authority(
        context: typer.Context,
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """The file of the lab's own authority, for senders to trust; made if it is not there."""
        from sinks.certificates import Certificates
        from world.clock import SystemClock

        file = Certificates(_folder(context, config, inbox), SystemClock()).authority()
        if json:
            print_json({"file": str(file)})
        else:
            print(file)


def _folder(context: typer.Context, config: Path | None, inbox: Path | None) -> Path:
    if inbox is not None:
        return inbox
    return loaded_from(config or context.obj).directory


def _print_sinks(found: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("sink", "listens on", "personality", "connections", "accepted", "refused"):
        table.add_column(column, overflow="fold")
    table.add_column("lowest reputations", overflow="fold")
    for each in found:
        worst = [
            f"{standing['source']} {standing['reputation']:.2f}"
            for standing in each["reputations"][:_REPUTATIONS_SHOWN]
        ]
        words = [each[key] for key in ("sink", "listen", "personality")]
        counts = [str(each[key]) for key in ("connections", "accepted", "refused")]
        table.add_row(*words, *counts, ", ".join(worst))
    console().print(table)
