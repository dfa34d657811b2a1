"""How commands speak: tables and notes for people, one JSON object for programs."""

import sys
from typing import Any

import orjson
from rich.console import Console


def say(text: str) -> None:
    """A note for whoever watches, on stderr, so that stdout stays the answer's."""
    print(text, file=sys.stderr, flush=True)


def console() -> Console:
    """Where tables go."""
    return Console()


def print_json(value: Any) -> None:
    """One JSON value, alone on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
