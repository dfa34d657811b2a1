"""The root of every error that mtalab raises on purpose.

MtalabError
├── UserError           the user can mend it: says what, where and what to do; exit code 2
├── EnvironmentFault    the machine or a server is at fault: disk, port, database; exit code 1
└── IllegalTransition   our own bug or a stale writer: a status may not change that way
"""

from dataclasses import dataclass


class MtalabError(Exception):
    """Base of our errors."""


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a mistake; each part is given as far as it is known. ``line`` counts from 1."""

    file: str | None = None
    key: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}"
        elif self.line is not None:
            place = f"line {self.line}"
        if self.key is not None:
            place = f"{place}: {self.key}" if place else self.key
        return place


class _Explained(MtalabError):
    """An error with what is wrong, where, and what to do about it."""

    def __init__(self, what: str, *, where: Where | None = None, remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "" if self.where is None else str(self.where)
        head = f"{place}: {self.what}" if place else self.what
        return f"{head}\n  {self.remedy}" if self.remedy else head


class UserError(_Explained):
    """The user asked for something wrong and can mend it."""


class EnvironmentFault(_Explained):
    """The machine, the network or a server does not do what we need."""


class IllegalTransition(MtalabError):
    """A status was asked to change in a way that its table does not have."""

    def __init__(self, machine: str, status: str, event: str) -> None:
        self.machine, self.status, self.event = machine, status, event
        super().__init__(f"a {machine} that is {status} cannot be {event}")
