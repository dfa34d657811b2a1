"""One thing that was looked at, and what came of it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``error``: the lab cannot do its work; ``warning``: it may soon not; ``mend``: what to do."""

    subject: str
    severity: Severity
    what: str
    mend: str = ""
