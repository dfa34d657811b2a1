"""One finding, and where in the source it is."""

from dataclasses import dataclass
from typing import Any

from lab.checks.code import Code, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """``line`` counts from 1 in the message source; None: it is no matter of a line."""

    code: Code
    line: int | None
    what: str
    remedy: str

    @property
    def severity(self) -> Severity:
        return self.code.severity

    def as_json(self) -> dict[str, Any]:
        """Its shape in ``docs/json.md``."""
        return {
            "severity": self.severity,
            "code": self.code,
            "line": self.line,
            "what": self.what,
            "remedy": self.remedy,
        }


def shown(text: str, most: int = 80) -> str:
    """Other people's text for a message of ours: in one line, and not too long."""
    flat = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"
