"""Lengths of time on the command line."""

from mail.errors import UserError, Where
from mail.notation import duration_s


class BadDuration(UserError):
    """A text that is no length of time."""


def seconds_of(text: str, option: str) -> float:
    """Seconds of a text such as ``90s`` or ``10m``.

    Raises:
        BadDuration: it is none.
    """
    try:
        return duration_s(text)
    except ValueError:
        raise BadDuration(
            f"{text!r} is no duration", where=Where(key=option), remedy="Such as 90s, 10m, 2h, 1d."
        ) from None


def positive_seconds_of(text: str, option: str) -> float:
    """As ``seconds_of``, for what has an end.

    Raises:
        BadDuration: it is none, or has no length.
    """
    found = seconds_of(text, option)
    if found <= 0:
        raise BadDuration(
            f"{text!r} has no length",
            where=Where(key=option),
            remedy=f"Such as 10m; without {option} it lasts until it is ended.",
        )
    return found
