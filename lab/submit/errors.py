"""What can be wrong with a submission. Each refuses it whole: nothing is queued.

UnreadableInput     a file is not there or not text
BadRecipients       rows that are no recipients, with their line numbers
BadSubmission       an option or a template that does not fit
BadCertificate      the submission port's certificate cannot be used
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mail.errors import UserError, Where

SHOWN_MAX: Final = 20  # mistakes told one by one; more would scroll the first ones away


class UnreadableInput(UserError):
    """A file cannot be read."""


class BadCertificate(UserError):
    """A certificate or its key cannot be read or do not belong together."""


class BadSubmission(UserError):
    """The parts of a submission do not fit together."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that is no recipient. ``line`` counts from 1, the header included."""

    line: int
    why: str
    raw: str


class BadRecipients(UserError):
    """Some rows are no recipients."""

    def __init__(self, file: str, rows: Sequence[BadRow], count: int, rejects: str) -> None:
        self.file, self.rows, self.count = file, tuple(rows), count
        lines = [f"{Where(file, line=row.line)}: {row.why}" for row in rows[:SHOWN_MAX]]
        if count > len(lines):
            lines.append(f"… and {count - len(lines)} more")
        super().__init__(
            f"{count} of its rows cannot be sent to, so nothing was submitted:\n"
            + "\n".join(lines),
            where=Where(file),
            remedy=f"Mend them, or use --skip-bad-rows: they then go to {rejects}.",
        )
