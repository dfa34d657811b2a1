"""All that a valid configuration can still not do: by itself, and on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from affinity.key_path import KeyPath, dotted, nearest_line
from affinity.lint.code import Code, Severity
from affinity.lint.finding import Finding
from affinity.lint.host import unavailable
from affinity.lint.lint import lint
from affinity.read_toml import variable
from affinity.toml_lines import lines_of
from lab.configuration import Loaded
from lab.destinations import findings as destination_findings
from lab.sink_findings import sink_findings
from lab.submit.open_for import open_s
from lab.web_token import findings as token_findings
from lab.webhooks.keys import findings as webhook_findings
from world.network import HostNetwork


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and its place: the file, or the variable that overrides it there."""

    finding: Finding
    file: str
    line: int | None

    @property
    def code(self) -> Code:
        return self.finding.code

    @property
    def severity(self) -> Severity:
        return self.finding.severity

    def as_json(self) -> dict[str, Any]:
        """As docs/json.md has it."""
        return {
            "severity": self.severity,
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "key": self.finding.key,
            "what": self.finding.what,
            "remedy": self.finding.remedy,
        }

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        head = f"{place}: {self.severity} {self.code}: {self.finding.key}: {self.finding.what}"
        return f"{head}\n    {self.finding.remedy}"


def lint_of(loaded: Loaded) -> list[Located]:
    """What is certain from the configuration alone, in the order of the file."""
    return _located(loaded, _certain(loaded))


def findings_of(loaded: Loaded) -> list[Located]:
    """The same, with what this machine and the files that are named say."""
    configuration = loaded.configuration
    network = HostNetwork.allowing(configuration.lab.allow_networks)
    here = unavailable(configuration, network.bind_error)
    files = (
        *destination_findings(loaded),
        *webhook_findings(loaded),
        *token_findings(loaded),
    )
    return _located(loaded, [*_certain(loaded), *here, *files])


def _certain(loaded: Loaded) -> list[Finding]:
    configuration = loaded.configuration
    sinks = {name: each.listen for name, each in configuration.sink.items()}
    longest_s = configuration.validity
    if configuration.submission.is_on:  # later letters extend the validity of earlier ones
        longest_s += open_s(configuration.validity)
    return [*lint(configuration, sinks, longest_s), *sink_findings(configuration)]


def _located(loaded: Loaded, findings: Iterable[Finding]) -> list[Located]:
    lines = lines_of(loaded.text)
    found = []
    for each in findings:
        name = _overriding(loaded, each.path)
        if name is None:
            found.append(Located(each, loaded.path.name, nearest_line(lines, each.path)))
        else:
            found.append(Located(each, name, None))
    return sorted(found, key=lambda each: each.line or 0)


def _overriding(loaded: Loaded, path: KeyPath) -> str | None:
    """The variable or flag that gives the value at a place, or a table around it."""
    here = _plain(dotted(path).replace("[", ".").replace("]", ""))
    for key in loaded.given:
        if f"{here}.".startswith(f"{_plain(key)}."):
            return key if key in loaded.overrides else variable(key)
    return None


def _plain(key: str) -> str:
    return key.casefold().replace("-", "_")
