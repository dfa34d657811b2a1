"""From a scenario file to a scenario, or to all its mistakes, each with its line."""

import copy
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import tomli_w

from affinity.errors import BadConfiguration, Mistake
from affinity.read_toml import read
from affinity.toml_lines import lines_of
from lab.configuration import configuration_from
from lab.scenario.schema import Scenario
from mail.errors import UserError

INBOX: Final[Mapping[str, Any]] = {"listen": "127.0.0.1:2525", "inbox": True}
EVERYWHERE: Final[Mapping[str, Any]] = {"domains": ["*"], "sink": "inbox"}
_TOPOLOGY: Final = "topology"


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
    text = _text(file, "the scenario")
    scenario = read(text, file.name, Scenario)
    if scenario.lab is not None:
        lab = file.parent / scenario.lab
        given = _text(lab, "the configuration")
        configuration_from(given, lab.name)
        topology = tomllib.loads(given)
    else:
        topology = _whole(tomllib.loads(text)[_TOPOLOGY])
        _check(topology, text, file.name)
    return Case(scenario.name or file.stem, scenario, file.absolute(), topology)


def _text(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnreadableScenario(
            f"{what} {file} cannot be read: {reason}", remedy="Give the path of a TOML file."
        ) from error


def _whole(topology: Mapping[str, Any]) -> dict[str, Any]:
    """The topology with a way for all mail, if it has none."""
    found = copy.deepcopy(dict(topology))
    if "route" not in found:
        sinks = found.setdefault("sink", {})
        if not sinks:
            sinks["inbox"] = dict(INBOX)
        found["route"] = {"all": {**EVERYWHERE, "sink": next(iter(sinks))}}
    found.setdefault("submission", {"listen": "off"})
    return found


def _check(topology: Mapping[str, Any], text: str, file: str) -> None:
    """See whether it is a configuration; its mistakes are told by the lines of the scenario."""
    try:
        configuration_from(tomli_w.dumps(topology), file)
    except BadConfiguration as error:
        lines = {_dotted(path[1:]): line for path, line in lines_of(text).items() if path[1:]}
        mistakes = [_placed(each, lines) for each in error.mistakes]
        raise BadConfiguration(mistakes) from None


def _placed(mistake: Mistake, lines: Mapping[str, int]) -> Mistake:
    key = mistake.key
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return replace(mistake, line=lines.get(key), key=f"{_TOPOLOGY}.{mistake.key}")


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for each in path:
        text += f"[{each}]" if isinstance(each, int) else f".{each}" if text else each
    return text
