"""How commands speak: tables and notes for people, one JSON object for programs."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def say(text: str) -> None:
    """A note for whoever watches, on stderr, so that stdout stays the answer's."""
    print(text, file=sys.stderr, flush=True)


def console() -> "Console":
    """Where tables go; what is piped is not squeezed into the width of no terminal.

    Brackets and colons are what they are: labels, subjects and replies are other people's text.
    """
    from rich.console import Console  # a twentieth of a start, and services draw no tables

    width = None if sys.stdout.isatty() else 160
    return Console(width=width, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON value, alone on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def moment(at: float) -> str:
    """Date and time in the local zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(seconds: float) -> str:
    """``3 s ago``."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s ago"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago"


def progress_bar() -> "Progress":
    """For long work, on a terminal only."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
