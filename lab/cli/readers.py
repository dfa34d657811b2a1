"""``mtalab readers``: simulated readers, alone or as a list."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import console, print_json

if TYPE_CHECKING:
    from tracking.readers.settings import Reader

_SHOWN = (
    ("opens", "opens"),
    ("clicks", "clicks"),
    ("unsubscribes", "unsub."),
    ("forwards", "forwards"),
    ("mirror", "mirror"),
)


def register(app: typer.Typer) -> None:
    readers_app = typer.Typer(
        no_args_is_help=True,
        help="Simulated readers of the mail that sinks receive: run them, list them.",
    )
    app.add_typer(readers_app, name="readers")

    @readers_app.command(name="run")
    def run(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the readers of the configuration ([reader.NAME]); `mtalab up` does it too."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.readers import NoReaders, run_readers

        given = service(config, json=json, log=log_format)
        loaded = given.loaded
        if not loaded.configuration.reader:
            raise NoReaders(
                "no reader is configured",
                remedy='Add one to the configuration, such as [reader.a] with like = "casual".',
            )
        in_loop(run_readers(loaded, given.reload, given.log("readers"), ThisMachine()))

    @readers_app.command(name="list")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the built-in personas, and the readers of the configuration if there is one."""
        from lab.configuration import NoConfiguration
        from tracking.readers.assigning import built_in_personas, personas

        own: dict[str, Reader] = {}
        try:
            own = dict(personas(loaded_from(config).configuration.reader))
        except NoConfiguration:
            if config is not None:
                raise
        if json:
            print_json({"built_in": _as_json(built_in_personas()), "configured": _as_json(own)})
            return
        _print("built in", built_in_personas())
        if own:
            _print("configured", own)


def _as_json(these: Mapping[str, "Reader"]) -> list[dict[str, Any]]:
    return [{"name": name, **each.model_dump(mode="json")} for name, each in these.items()]


def _print(title: str, these: Mapping[str, "Reader"]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("persona")
    table.add_column("who")
    for _, name in _SHOWN:
        table.add_column(name, justify="right")
    table.add_column("half open within", justify="right")
    table.add_column("besides")
    for name, each in these.items():
        shares = (getattr(each, key) for key, _ in _SHOWN)
        table.add_row(
            name,
            _who(each),
            *(f"{share:.0%}" if share else "" for share in shares),
            _said(each.delay.median),
            ", ".join(_besides(each)),
        )
    console().print(table)


def _who(reader: "Reader") -> str:
    share = "" if reader.share is None else f"{reader.share:.0%}"
    return " of ".join(each for each in (share, " ".join(reader.recipients)) if each)


def _said(seconds: float) -> str:
    from mail.notation import said_duration

    return said_duration(seconds)


def _besides(reader: "Reader") -> list[str]:
    found = []
    if reader.proxy != "off":
        found.append(f"image proxy, own opens {reader.proxy}")
    if reader.scanner:
        found.append("link scanner")
    if reader.text_only:
        found.append("text only")
    elif not reader.images:
        found.append("no images")
    if not reader.cookies:
        found.append("no cookies")
    return found
