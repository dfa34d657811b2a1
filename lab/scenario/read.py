"""From a scenario file to a scenario, or to all its mistakes, each with its line."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import RootModel

from affinity.errors import BadConfiguration, Mistake
from affinity.read_toml import read
from affinity.toml_lines import lines_of
from lab.configuration import configuration_from
from lab.doors import KEYS
from lab.scenario.ports import numbered
from lab.scenario.schema import Scenario
from lab.submission_settings import OFF
from mail.errors import UserError

INBOX: Final[Mapping[str, Any]] = {"listen": "127.0.0.1:2525", "inbox": True}
EVERYWHERE: Final[Mapping[str, Any]] = {"domains": ["*"], "sink": "inbox"}
_TOPOLOGY: Final = "topology"
_NO_VALUE: Final = "expected a value, or no key at all"


class _AnyTable(RootModel[dict[str, Any]]):
    """What TOML can say at all."""


class UnreadableScenario(UserError):
    """A scenario file, or one that it names, cannot be read."""


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario and where it came from."""

    name: str
    scenario: Scenario
    file: Path
    topology: Mapping[str, Any]  # of the whole lab, as mtalab.toml would have it

    @property
    def folder(self) -> Path:
        return self.file.parent


def read_case(file: Path) -> Case:
    """Read one file.

    Raises:
        UnreadableScenario: there is none, or a file that it names cannot be read.
        BadConfiguration: it is not valid; every mistake that could be found is in it.
    """
    text = text_of(file, "the scenario")
    try:
        scenario = read(text, file.name, Scenario)
    except BadConfiguration as error:
        raise BadConfiguration(error.mistakes, "docs/scenarios.md") from None
    if scenario.lab is not None:
        lab = file.parent / scenario.lab
        given = text_of(lab, "the configuration")
        topology = _alone(read(given, lab.name, _AnyTable).root)
        _check(topology, lab.name, _lines(given), "")
    else:
        topology = _whole(tomllib.loads(text)[_TOPOLOGY])
        _check(topology, file.name, _lines(text, f"{_TOPOLOGY}."), f"{_TOPOLOGY}.")
    return Case(scenario.name or file.stem, scenario, file.absolute(), topology)


def case_of(topology: Mapping[str, Any], folder: Path) -> Case:
    """A lab in which nothing happens by itself, built by a program.

    Args:
        topology: as a scenario has it.
        folder: against which the names of files are taken.

    Raises:
        BadConfiguration: it is not valid.
    """
    empty = [Mistake(_TOPOLOGY, None, key, _NO_VALUE) for key in _empty_places(topology, ())]
    if empty:
        raise BadConfiguration(empty)
    whole = _whole(topology)
    _check(whole, _TOPOLOGY, {}, "")
    return Case(_TOPOLOGY, _uneventful(topology), folder / _TOPOLOGY, whole)


def case_of_text(text: str, name: str, folder: Path) -> Case:
    """The same of the text of a configuration file; ``name`` is the file's, for messages.

    Raises:
        BadConfiguration: it is not valid.
    """
    topology = read(text, name, _AnyTable).root
    whole = _whole(topology)
    _check(whole, name, _lines(text), "")
    return Case(name, _uneventful(topology), folder / name, whole)


def _uneventful(topology: Mapping[str, Any]) -> Scenario:
    return Scenario(topology=dict(topology), modes=("simulated", "real"))


def _empty_places(here: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Where a program has given nothing as a value."""
    if here is None:
        yield _dotted(path)
    elif isinstance(here, dict | list):
        for key, each in here.items() if isinstance(here, dict) else enumerate(here):
            yield from _empty_places(each, (*path, key))


def text_of(file: Path, what: str) -> str:
    """What a file says; raises UnreadableScenario, in which it is called ``what``."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnreadableScenario(
            f"{what} {file} cannot be read: {reason}", remedy="Give the path of a TOML file."
        ) from error


def _alone(topology: Mapping[str, Any]) -> dict[str, Any]:
    """The topology with numbers for ports, and no doors but those that it names."""
    found = numbered(topology)
    for key in KEYS:
        found.setdefault(key, {"listen": OFF})
    return found


def _whole(topology: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a way for all mail, if it has none."""
    found = _alone(topology)
    if "route" not in found:
        sinks = found.setdefault("sink", {})
        if not sinks:
            sinks["inbox"] = dict(INBOX)
        found["route"] = {"all": {**EVERYWHERE, "sink": next(iter(sinks))}}
    return found


def _lines(text: str, head: str = "") -> dict[str, int]:
    """Dotted key → its line, of those that begin with a head, which is left out."""
    lines = {_dotted(path): line for path, line in lines_of(text).items()}
    return {key.removeprefix(head): line for key, line in lines.items() if key.startswith(head)}


def _check(topology: Mapping[str, Any], file: str, lines: Mapping[str, int], prefix: str) -> None:
    """See whether it is a configuration; its mistakes are told by lines of what it came from."""
    try:
        configuration_from(tomli_w.dumps(topology), file)
    except BadConfiguration as error:
        mistakes = [_placed(each, lines, prefix) for each in error.mistakes]
        raise BadConfiguration(mistakes) from None


def _placed(mistake: Mistake, lines: Mapping[str, int], prefix: str) -> Mistake:
    key = mistake.key
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return replace(mistake, line=lines.get(key), key=f"{prefix}{mistake.key}")


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for each in path:
        text += f"[{each}]" if isinstance(each, int) else f".{each}" if text else each
    return text
