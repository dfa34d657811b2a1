"""A scenario that came as text: it stands alone, and names no file of this machine."""

import tomllib
from collections.abc import Iterator
from typing import Any, Final

from affinity.errors import BadConfiguration, Mistake

# Keys whose values name files, folders and databases, wherever they stand.
_FILES: Final = frozenset(
    (
        *("recipients", "directory", "store", "bounce_rules"),
        *("certificate", "key", "tls_ca", "key_file", "password_file", "token_file", "secret_file"),
    )
)
_ALONE: Final = "expected nothing that names a file of the server: the text stands alone"


def see_that_it_stands_alone(text: str, file: str) -> None:
    """See that it names no file, before any is read; ``file`` is its own name, for messages.

    Raises:
        BadConfiguration: it names some.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # whoever reads it says so, with the line
    named = ["lab"] if isinstance(told.get("lab"), str) else []
    named += _files_in(told, "")
    if named:
        raise BadConfiguration(
            [Mistake(file, None, each, _ALONE) for each in named], "docs/scenarios.md"
        )


def _files_in(here: Any, path: str) -> Iterator[str]:
    """The keys, of any depth and dotted ones too, that name a file."""
    if isinstance(here, list):
        for place, each in enumerate(here):
            yield from _files_in(each, f"{path}[{place}]")
    elif isinstance(here, dict):
        for key, each in here.items():
            whole = f"{path}.{key}" if path else key
            if key.rpartition(".")[2] in _FILES and isinstance(each, str):
                yield whole
            yield from _files_in(each, whole)
