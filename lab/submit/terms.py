"""How people write the terms of a delivery: when, how long, how urgent."""

import re
from datetime import datetime
from typing import Final

from lab.submit.errors import BadSubmission
from mail.errors import Where
from mail.notation import duration_s

PRIORITIES: Final = {"low": -10, "normal": 0, "high": 10}
_BIGGEST: Final = 2**31 - 1  # of a number in either database
_RELATIVE: Final = re.compile(r"^\+(.+)$")


def priority_of(text: str) -> int:
    """A priority by its name or number; higher goes first. Raises BadSubmission."""
    if text in PRIORITIES:
        return PRIORITIES[text]
    try:
        found = int(text)
    except ValueError:
        found = _BIGGEST + 1
    if abs(found) > _BIGGEST:
        raise BadSubmission(
            f"{text!r} is no priority",
            where=Where(key="--priority"),
            remedy="Use low, normal, high or a whole number; higher goes first.",
        )
    return found


def validity_of(text: str | None, default_s: float) -> float:
    """Seconds. Raises BadSubmission."""
    return default_s if text is None else _duration("--validity", text)


def contact_at(text: str | None, now: float) -> float:
    """Epoch seconds; a time without zone is the local one. Raises BadSubmission."""
    if text is None:
        return now
    relative = _RELATIVE.match(text)
    if relative is not None:
        return now + _duration("--at", relative[1])
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise BadSubmission(
            f"{text!r} is no time",
            where=Where(key="--at"),
            remedy="Use 2026-12-24T08:00, with or without a zone such as +01:00, or +10m.",
        ) from None


def _duration(option: str, text: str) -> float:
    try:
        return duration_s(text)
    except ValueError as error:
        raise BadSubmission(
            f"{text!r} is no duration", where=Where(key=option), remedy=f"{error}."
        ) from None
