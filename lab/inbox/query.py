"""The words to search the inbox with, as Mailpit has them.

``from:``, ``to:``, ``cc:``, ``bcc:``, ``reply-to:``, ``addressed:``, ``subject:``,
``message-id:``, ``tag:``, ``is:read``, ``is:unread``, ``is:tagged``, ``has:attachment``,
``has:inline``, ``before:``, ``after:``, ``larger:``, ``smaller:``, and any other word, which is
looked for everywhere. Quotation marks hold words together; ``-`` or ``!`` before a word means that
it must not be so. All must hold.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lab.inbox.index import Entry
from lab.inbox.mime import Mailbox
from lab.inbox.summary import Summary
from mail.errors import UserError

_WORD: Final = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_MEANS_SOMETHING: Final = re.compile(r"\w")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s?(k|kb|m|mb)?")
_UNITS: Final = {None: 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}
_DATES: Final = ("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S")


class BadSearch(UserError):
    """A search that means nothing."""


class Candidate(NamedTuple):
    """One mail as a search sees it; ``summary`` is read when it is asked for."""

    entry: Entry
    is_read: bool
    tags: tuple[str, ...]
    summary: Callable[[], Summary]


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a search."""

    holds: Callable[[Candidate], bool]
    words: str = ""  # that the mail has if it holds, somewhere; empty: that cannot be said
    is_all: bool = False  # the words being there is all there is to it
    is_not: bool = False


def terms_of(search: str, zone_name: str = "") -> list[Term]:
    """The terms of a search.

    Args:
        search: as somebody wrote it.
        zone_name: of the times after ``before:`` and ``after:``; empty: this machine's.

    Raises:
        BadSearch: a time, a size or the zone means nothing.
    """
    zone = _zone(zone_name)
    found = []
    for written in _WORD.findall(search):
        is_not = len(written) > 1 and written[0] in "-!"
        word = written[1:] if is_not else written
        word = " ".join(word.replace('"', " ").split()) if '"' in word else word
        if _MEANS_SOMETHING.search(word) is not None:
            term = _term(word.lower(), zone)
            found.append(Term(term.holds, term.words, term.is_all, is_not))
    return found


def _term(word: str, zone: tzinfo | None) -> Term:
    key, colon, value = word.partition(":")
    value = value.strip()
    if not colon or not value:
        return _anywhere(word)
    if key in _BOXES:
        boxes = _BOXES[key]
        return Term(lambda mail: any(value in _said(each) for each in boxes(mail.summary())), value)
    if key in _TEXTS:
        text = _TEXTS[key]
        return Term(lambda mail: value in text(mail.summary()).lower(), value)
    if key == "tag":
        return Term(lambda mail: value in {each.lower() for each in mail.tags})
    return _IS.get(word) or _measured(key, value, zone) or _anywhere(word)


def _anywhere(word: str) -> Term:
    return Term(lambda _: True, " ".join(word.split()), is_all=True)


def _measured(key: str, value: str, zone: tzinfo | None) -> Term | None:
    match key:
        case "after":
            at = _time(value, zone)
            return Term(lambda mail: mail.entry.time >= at)
        case "before":
            at = _time(value, zone)
            return Term(lambda mail: mail.entry.time <= at)
        case "larger":
            size = _size(value)
            return Term(lambda mail: mail.entry.size > size)
        case "smaller":
            size = _size(value)
            return Term(lambda mail: mail.entry.size < size)
        case _:
            return None


def time_of(text: str, zone_name: str = "") -> float:
    """Epoch seconds of a time as ``before:`` takes it. Raises BadSearch."""
    return _time(text.strip().lower(), _zone(zone_name))


def _time(text: str, zone: tzinfo | None) -> float:
    if re.fullmatch(r"\d{9,11}|\d{13}", text):  # seconds or milliseconds, as a program gives them
        return float(text) / (1000 if len(text) == 13 else 1)
    try:
        found = _moment(text)
        placed = found if found.tzinfo is not None else _in(found, zone)
        return placed.timestamp()
    except (ValueError, OverflowError):
        raise BadSearch(
            f"{text!r} is no time",
            remedy="Use 2026-12-24, or 2026-12-24T08:00, with a zone or not.",
        ) from None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        pass
    for each in _DATES:
        try:
            return datetime.strptime(text, each)  # noqa: DTZ007 - its zone is given after
        except ValueError:
            continue
    raise ValueError(text)


def _in(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSearch(
            f"there is no time zone {name!r}", remedy="Use a name such as Europe/Berlin."
        ) from None


def _size(text: str) -> float:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise BadSearch(f"{text!r} is no size", remedy="Use 5000, 20kb or 1.5M.")
    return float(found[1]) * _UNITS[found[2]]


def _said(box: Mailbox | None) -> str:
    return "" if box is None else f"{box.name} {box.address}".lower()


_BOXES: Final[dict[str, Callable[[Summary], tuple[Mailbox | None, ...]]]] = {
    "from": lambda mail: (mail.sender,),
    "to": lambda mail: mail.to,
    "cc": lambda mail: mail.cc,
    "bcc": lambda mail: mail.bcc,
    "reply-to": lambda mail: mail.reply_to,
    "addressed": lambda mail: (mail.sender, *mail.to, *mail.cc, *mail.bcc, *mail.reply_to),
}
_TEXTS: Final[dict[str, Callable[[Summary], str]]] = {
    "subject": lambda mail: mail.subject,
    "message-id": lambda mail: mail.message_id,
}
_ATTACHED: Final = Term(lambda mail: mail.entry.attachments > 0)
_INLINE: Final = Term(lambda mail: mail.entry.inlines > 0)
_IS: Final = {
    "is:read": Term(lambda mail: mail.is_read),
    "is:unread": Term(lambda mail: not mail.is_read),
    "is:tagged": Term(lambda mail: bool(mail.tags)),
    "has:attachment": _ATTACHED,
    "has:attachments": _ATTACHED,
    "has:inline": _INLINE,
    "has:inlines": _INLINE,
}
