"""Options that many commands share, and how a command gets its configuration."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lab.configuration import Loaded, load

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


def loaded_from(config: Path | None) -> Loaded:
    """The configuration that the command line and the environment ask for."""
    return load(config, os.environ)


def reloader(config: Path | None) -> Callable[[], Loaded]:
    """How a long-running command reads its configuration again."""
    return lambda: loaded_from(config)
