"""Options that many commands share, and how a command gets its configuration."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab.configuration import Loaded, load
from lab.logs import Form, start_log
from world.clock import SystemClock
from world.log import Log


class LogFormat(StrEnum):
    """How a long-running command tells what happens."""

    TEXT = "text"
    JSON = "json"


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file; otherwise MTALAB_CONFIG, otherwise ./mtalab.toml.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")]


LogOption = Annotated[
    LogFormat | None,
    typer.Option("--log-format", help="Otherwise `log` of the configuration.", show_default=False),
]


def loaded_from(
    config: Path | None, log: LogFormat | None = None, web: str | None = None
) -> Loaded:
    """The configuration that the command line and the environment ask for."""
    flags = {"lab.log": log, "web.listen": web}
    return load(config, os.environ, {key: each for key, each in flags.items() if each is not None})


@dataclass(frozen=True, slots=True)
class Service:
    """What a long-running command has: its configuration, how to read it again, its log."""

    loaded: Loaded
    reload: Callable[[], Loaded]
    form: Form

    def log(self, module: str) -> Log:
        return start_log(self.form, module, SystemClock())


def service(
    config: Path | None, *, json: bool, log: LogFormat | None, web: str | None = None
) -> Service:
    """Read the configuration for a command that runs until it is stopped."""
    given = LogFormat.JSON if json else log
    loaded = loaded_from(config, given, web)
    return Service(loaded, lambda: loaded_from(config, given, web), loaded.configuration.lab.log)
