"""``mtalab sink``: the receiving servers alone."""

import tempfile
from pathlib import Path
from typing import Annotated

import orjson
import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import say
from mail.errors import UserError, Where
from mail.notation import endpoint
from sinks.settings import SinkSettings


class BadSinkOption(UserError):
    """An option of a sink alone that cannot be used."""


def register(app: typer.Typer) -> None:
    @app.command()
    def sink(
        listen: Annotated[
            str | None,
            typer.Option(help="Run one sink alone, here; port 0 takes a free one."),
        ] = None,
        personality: Annotated[
            str, typer.Option(help="How it behaves; docs/sinks.md has the names.")
        ] = "accept",
        mx: Annotated[str, typer.Option(help="The host name in its greeting.")] = "mx.mtalab.test",
        keep: Annotated[
            Path | None,
            typer.Option(help="Folder for receipts and inbox; by default a new one, told."),
        ] = None,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run all configured sinks; with --listen one sink, without any configuration."""
        from lab.run import in_loop, run_sink_alone, run_sinks

        if listen is None:
            given = service(config, json=json, log=log_format)
            in_loop(run_sinks(given.loaded, given.reload, given.log("sinks")))
            return
        own = {} if config is None else loaded_from(config).configuration.personality
        folder = keep or Path(tempfile.mkdtemp(prefix="mtalab-sink-"))

        def listening(address: str) -> None:
            if json:
                told = {"listen": address, "personality": personality, "folder": str(folder)}
                print(orjson.dumps(told).decode(), flush=True)
            else:
                print(f"listening on {address} as {personality}; receipts in {folder}", flush=True)

        in_loop(run_sink_alone(_settings(listen, personality, mx), own, folder, listening))
        say("stopped")


def _settings(listen: str, personality: str, mx: str) -> SinkSettings:
    host, separator, port = listen.rpartition(":")
    try:
        endpoint(f"{host}:1" if separator and port == "0" else listen)
    except ValueError as error:
        raise BadSinkOption(
            f"{listen!r} is no address: {error}",
            where=Where(key="--listen"),
            remedy="Write it as 127.0.0.1:2600, or 127.0.0.1:0 for a free port.",
        ) from error
    # A configuration file may not say port 0; whoever starts a sink alone is told which it got.
    checked = SinkSettings(listen="127.0.0.1:1", personality=personality, mx=mx)
    return checked.model_copy(update={"listen": listen})
