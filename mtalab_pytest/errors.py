"""What goes wrong, in mtalab's words and without its traceback.

LabError    what a test asked for is refused, or the lab cannot do it
└── NoLabs  there is no process to ask: it cannot be started, is of another version, or has died
"""

from typing import Any


class LabError(Exception):
    """``name`` is mtalab's own, such as BadConfiguration; then what is wrong, where, a remedy."""

    def __init__(
        self,
        what: str,
        *,
        name: str = "LabError",
        where: str | None = None,
        remedy: str = "",
        text: str = "",
    ) -> None:
        self.name, self.what, self.where, self.remedy = name, what, where, remedy
        super().__init__(text or (f"{what}\n  {remedy}" if remedy else what))


class NoLabs(LabError):
    """There is no process to ask."""


def from_answer(error: dict[str, Any]) -> LabError:
    """The error that an answer tells."""
    text = str(error.get("text") or error.get("what"))
    if error.get("kind") == "bug":
        trace = str(error.get("trace", ""))
        text = f"this is a mistake of mtalab's own; please report it:\n{trace or text}"
    return LabError(
        str(error.get("what", text)),
        name=str(error.get("name", "LabError")),
        where=error.get("where"),
        remedy=str(error.get("remedy") or ""),
        text=text,
    )


def is_told(excinfo: Any) -> bool:
    """Whether a traceback ends in words of ours, which need no frames of this package."""
    return excinfo is not None and bool(excinfo.errisinstance((LabError, AssertionError)))
