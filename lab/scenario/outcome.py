"""What came of a scenario."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.scenario.surroundings import Mode


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that was not as expected; ``why`` tells what the messages wait for."""

    at: float  # seconds after the beginning
    what: str
    expected: str
    seen: str
    why: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = f"at {self.at:g} s: {self.what}: expected {self.expected}, seen {self.seen}"
        return "\n".join((words, *(f"    {each}" for each in self.why)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of one scenario."""

    name: str
    file: str
    mode: Mode
    seed: int
    virtual_s: float
    wall_s: float
    digest: str | None
    causes: Mapping[str, int]  # code → the most messages that had it when it was looked at
    expectations: int
    failures: tuple[Failure, ...] = ()
    error: str | None = None  # the lab itself went wrong
    kept: str | None = None  # the folder with its lab

    @property
    def passed(self) -> bool:
        return not self.failures and self.error is None

    def as_json(self) -> dict[str, Any]:
        """See docs/json.md."""
        return {
            "name": self.name,
            "file": self.file,
            "passed": self.passed,
            "mode": self.mode,
            "seed": self.seed,
            "virtual_seconds": round(self.virtual_s, 3),
            "wall_seconds": round(self.wall_s, 3),
            "digest": self.digest,
            "causes": dict(self.causes),
            "expectations": self.expectations,
            "failures": [
                {
                    "at": each.at,
                    "what": each.what,
                    "expected": each.expected,
                    "seen": each.seen,
                    "why": list(each.why),
                }
                for each in self.failures
            ],
            "error": self.error,
            "kept": self.kept,
        }


@dataclass
class Seen:
    """The causes that were seen while it ran."""

    causes: dict[str, int] = field(default_factory=dict)

    def note(self, causes: Mapping[str, int]) -> None:
        for code, messages in causes.items():
            self.causes[code] = max(messages, self.causes.get(code, 0))
