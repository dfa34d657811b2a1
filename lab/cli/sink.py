"""``mtalab sink``: the receiving servers, of a lab or one alone; asked and changed as they run."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from lab.cli.completion import personality_names, sink_names
from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import console, print_json, say
from lab.configuration import NoConfiguration
from mail.errors import UserError, Where
from mail.notation import endpoint
from sinks.settings import Personality, SinkSettings

_REPUTATIONS_SHOWN: Final = 3
_ALONE_ONLY: Final = ("personality", "mx", "bounces_to", "inbox")
_InboxOption = Annotated[
    Path | None, typer.Option("--inbox", help="The folder of a sink that runs alone.")
]


class BadSinkOption(UserError):
    """An option of a sink alone that cannot be used."""


def register(app: typer.Typer) -> None:
    sink = typer.Typer(
        invoke_without_command=True, help="Run the sinks; ask and change them as they run."
    )
    app.add_typer(sink, name="sink")
    _register_run(sink)
    _register_set(sink)
    _register_list(sink)
    _register_personalities(sink)
    _register_authority(sink)


def _register_run(sink: typer.Typer) -> None:
    @sink.callback()
    def run(
        context: typer.Context,
        listen: Annotated[
            str | None,
            typer.Option(help="Run one sink alone, here; port 0 takes a free one."),
        ] = None,
        personality: Annotated[
            str,
            typer.Option(
                help="How it behaves; `mtalab sink personalities` has the names.",
                autocompletion=personality_names,
            ),
        ] = "accept",
        mx: Annotated[str, typer.Option(help="The host name in its greeting.")] = "mx.mtalab.test",
        bounces_to: Annotated[
            str | None,
            typer.Option(
                metavar="ADDRESS:PORT",
                help="Where it sends bounces, replies and complaints; by default nowhere.",
            ),
        ] = None,
        inbox: Annotated[
            Path | None,
            typer.Option(
                "--inbox",
                "--keep",
                help="Folder for receipts and inbox; by default a new one, told.",
            ),
        ] = None,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run all configured sinks; with --listen one sink, without any configuration."""
        if context.invoked_subcommand is not None:
            context.obj = config
            return
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.sinks import run_sink_alone, run_sinks

        if listen is None:
            _only_alone(context)
            given = service(config, json=json, log=log_format)
            in_loop(run_sinks(given.loaded, given.reload, given.log("sinks"), ThisMachine()))
            return
        own = {} if config is None else loaded_from(config).configuration.personality
        folder = inbox or Path(tempfile.mkdtemp(prefix="mtalab-sink-"))

        def listening(address: str) -> None:
            if json:
                told = {
                    "sink": "sink",
                    "listen": address,
                    "personality": personality,
                    "folder": str(folder),
                    "pid": os.getpid(),
                }
                print(orjson.dumps(told).decode(), flush=True)
            else:
                print(f"listening on {address} as {personality}; receipts in {folder}", flush=True)

        settings = _settings(listen, personality, mx)
        if bounces_to is not None:
            endpoint = _endpoint(bounces_to, "--bounces-to")
            settings = settings.model_copy(update={"bounces_to": endpoint})
        in_loop(run_sink_alone(settings, own, folder, listening))
        say("stopped")


def _only_alone(context: typer.Context) -> None:
    """Options that would be passed over silently are refused."""
    for each in _ALONE_ONLY:
        source = context.get_parameter_source(each)
        if source is not None and source.name == "COMMANDLINE":
            raise BadSinkOption(
                "this is for one sink alone",
                where=Where(key=f"--{each.replace('_', '-')}"),
                remedy="Say --listen ADDRESS:PORT too, or write it under [sink.NAME] in "
                "mtalab.toml; `mtalab sink set` changes one that runs.",
            )


def _settings(listen: str, personality: str, mx: str) -> SinkSettings:
    host, separator, port = listen.rpartition(":")
    remedy = "Write it as 127.0.0.1:2600, or 127.0.0.1:0 for a free port."
    _endpoint(f"{host}:1" if separator and port == "0" else listen, "--listen", remedy)
    try:
        # A configuration file may not say port 0; whoever starts a sink alone is told which it got.
        checked = SinkSettings(listen="127.0.0.1:1", personality=personality, mx=mx)
    except ValueError as error:
        raise BadSinkOption(
            f"{mx!r} is no host name",
            where=Where(key="--mx"),
            remedy="Use letters, digits, dots and hyphens, as in mx.example.test.",
        ) from error
    return checked.model_copy(update={"listen": listen})


def _endpoint(text: str, option: str, remedy: str = "Write it as 127.0.0.1:2526.") -> str:
    try:
        return endpoint(text)
    except ValueError as error:
        raise BadSinkOption(
            f"{text!r} is no address: {error}", where=Where(key=option), remedy=remedy
        ) from error


def _register_set(sink: typer.Typer) -> None:
    @sink.command("set")
    def change(
        context: typer.Context,
        name: Annotated[
            str, typer.Argument(metavar="SINK", help="Its name.", autocompletion=sink_names)
        ],
        personality: Annotated[
            str,
            typer.Option(help="How it is to behave from now on.", autocompletion=personality_names),
        ],
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Let a running sink behave otherwise at once; it forgets nothing.

        Personalities of the configuration are known as they stand there now. The next start of the
        sinks takes the personality of the configuration again.
        """
        from sinks.control import ask

        given = config or context.obj
        own = _own(given, is_needed=inbox is None or given is not None)
        tables = {
            each: found.model_dump(mode="json", exclude_unset=True) for each, found in own.items()
        }
        request = {"do": "set", "sink": name, "personality": personality, "personalities": tables}
        answer = ask(_folder(given, inbox), request)
        [changed] = [each for each in answer["sinks"] if each["sink"] == name]
        if json:
            print_json(changed)
        else:
            print(f"sink {name}: {changed['personality']}")


def _register_list(sink: typer.Typer) -> None:
    @sink.command("list")
    def listing(
        context: typer.Context,
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """The running sinks: where they listen, how they behave, what they have seen."""
        from sinks.control import ask

        found = ask(_folder(config or context.obj, inbox), {"do": "list"})["sinks"]
        if json:
            print_json(found)
        else:
            _print_sinks(found)


def _register_personalities(sink: typer.Typer) -> None:
    @sink.command()
    def personalities(
        context: typer.Context, json: JsonOption = False, config: ConfigOption = None
    ) -> None:
        """The personalities that there are: built in, and those of the configuration."""
        from sinks.catalogue import built_in_personalities

        given = config or context.obj
        own = _own(given, is_needed=given is not None)
        found = [
            {"personality": name, "description": each.description, "built_in": name not in own}
            for name, each in sorted({**built_in_personalities(), **own}.items())
        ]
        if json:
            print_json(found)
        else:
            _print_personalities(found)


def _register_authority(sink: typer.Typer) -> None:
    @sink.command()
    def authority(
        context: typer.Context,
        inbox: _InboxOption = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """The certificate of the lab's own authority, for senders to trust; made if need be."""
        from sinks import certificates
        from sinks.service import tls_folder
        from world.clock import SystemClock

        folder = tls_folder(_folder(config or context.obj, inbox))
        file = certificates.authority(folder, SystemClock().now())
        if json:
            print_json({"file": str(file)})
        else:
            print(file)


def _own(config: Path | None, *, is_needed: bool) -> dict[str, Personality]:
    """The personalities of the configuration; none where there is none and none is needed."""
    try:
        return loaded_from(config).configuration.personality
    except NoConfiguration:
        if is_needed:
            raise
        return {}


def _folder(config: Path | None, inbox: Path | None) -> Path:
    return loaded_from(config).directory if inbox is None else inbox


def _print_personalities(found: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("personality", "what it does", ""):
        table.add_column(column, overflow="fold")
    for line in found:
        where = "" if line["built_in"] else "of the configuration"
        table.add_row(str(line["personality"]), str(line["description"]), where)
    console().print(table)


def _print_sinks(found: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

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
