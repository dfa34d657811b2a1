"""A scenario that came as text: it stands alone, and names no file of this machine."""

from collections.abc import Iterator
from typing import Any, Final

from affinity.errors import BadConfiguration, Mistake
from lab.scenario.read import Case

# Keys whose values name files, folders and databases, wherever they stand.
_FILES: Final = frozenset(
    (
        *("directory", "store", "bounce_rules"),
        *("certificate", "key", "tls_ca", "key_file", "password_file", "token_file", "secret_file"),
    )
)
_ALONE: Final = "expected nothing that names a file of the server: the text stands alone"


def see_that_it_stands_alone(case: Case) -> None:
    """Raises BadConfiguration if it names files."""
    scenario = case.scenario
    named = ["lab"] if scenario.lab is not None else []
    named += [
        f"delivery[{place}].recipients"
        for place, each in enumerate(scenario.delivery)
        if each.recipients is not None
    ]
    named += _files_in(scenario.topology or {}, "topology")
    for place, each in enumerate(scenario.event):
        given = each.model_dump()
        named += _files_in(given.get("set", {}), f"event[{place}].set")
    if named:
        raise BadConfiguration(
            [Mistake(case.file.name, None, each, _ALONE) for each in named], "docs/scenarios.md"
        )


def _files_in(here: Any, path: str) -> Iterator[str]:
    """The keys, of any depth and dotted ones too, that name a file."""
    if isinstance(here, list | tuple):
        for place, each in enumerate(here):
            yield from _files_in(each, f"{path}[{place}]")
    elif isinstance(here, dict):
        for key, each in here.items():
            is_file = str(key).rpartition(".")[2] in _FILES
            if is_file and isinstance(each, str):
                yield f"{path}.{key}"
            yield from _files_in(each, f"{path}.{key}")
