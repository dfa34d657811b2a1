"""Whether a URL of a text can be tracked, and as what it is known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mail.tracked import MIRROR_FIELD, UNSUBSCRIBE_FIELD
from tracking.find.segments import Segment, Segments

URL_MAX: Final = 4000  # characters; what is longer no redirect carries safely
LABEL_MAX: Final = 200
_VALUES_MAX: Final = 20
_RUNNING: Final = ("javascript:", "data:", "vbscript:")  # schemes that run or show what they hold
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_HOST: Final = re.compile(r"https?://[^/?#\\\s]+(?=[/?#])", re.IGNORECASE)
# What the URL standard drops from within a URL, and around it.
_DROPPED: Final = re.compile(r"[\t\n\r]")
_AROUND: Final = "".join(map(chr, range(0x21)))
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES: Final = re.compile(r"\s+")


class Found(NamedTuple):
    """A URL that can be tracked: where it stands in the text, and what it is."""

    start: int
    end: int
    url: str  # as a reader's browser sees it, with its expressions
    values: tuple[str, ...]  # the expressions in it, as they stand in braces
    label: str


class Given(NamedTuple):
    """A link of ours that the source asks for by its field."""

    start: int
    end: int
    field: str  # UNSUBSCRIBE_FIELD or MIRROR_FIELD
    label: str


class Unfit(NamedTuple):
    """A URL that is not tracked, though its author may think so."""

    start: int
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Links:
    """All that was found in one text; ``text`` has LF line ends, to which positions refer."""

    segments: Segments
    found: Sequence[Found | Given]  # by their places
    unfit: Sequence[Unfit]
    pixel_at: int  # where the open pixel goes in HTML: before the end of the body

    @property
    def text(self) -> str:
        return self.segments.text


def judged(
    segments: Segments, start: int, end: int, label: str, *, is_html: bool
) -> Found | Given | Unfit | None:
    """What a stretch of text is, if it is a URL that concerns us.

    Args:
        segments: the text.
        start: where the URL begins.
        end: where it ends; in HTML that of the attribute's value.
        label: what a reader sees in its place.
        is_html: whether character references stand for characters.
    """
    start, end = _trimmed(segments.masked, start, end)
    inner = segments.within(start, end)
    filled = [each for each in inner if each.expression is not None and each.start < end]
    shown = segments.text[start:end][:LABEL_MAX]
    given = _given(start, end, filled, label)
    if given is not None:
        return given
    pieces = _pieces(segments.text, start, end, filled, is_html=is_html)
    is_running = pieces[0].lower().startswith(_RUNNING)
    if not is_running and _WEB.match(pieces[0]) is None and (pieces[0] or not filled):
        return None
    values = tuple(each.expression or "" for each in filled)
    url = "".join(
        piece + (f"{{{{{value}}}}}" if value is not None else "")
        for piece, value in zip(pieces, (*values, None), strict=True)
    )
    why = _why_not(pieces, inner, filled, url)
    return Found(start, end, url, values, label) if why is None else Unfit(start, shown, why)


def label_of(text: str) -> str:
    """A text as a label: white space in one, not too long."""
    return _SPACES.sub(" ", text).strip()[:LABEL_MAX].rstrip()


def is_url(label: str) -> bool:
    """Whether a label looks like an address of its own, so that the link seems to lead there."""
    return bool(_WEB.match(label)) or label.lower().startswith("www.")


def _trimmed(masked: str, start: int, end: int) -> tuple[int, int]:
    while start < end and masked[start] in _AROUND:
        start += 1
    while start < end and masked[end - 1] in _AROUND:
        end -= 1
    return start, end


def _given(start: int, end: int, filled: Sequence[Segment], label: str) -> Given | None:
    if len(filled) != 1 or (filled[0].start, filled[0].end) != (start, end):
        return None
    name = (filled[0].expression or "").strip()
    fields = (UNSUBSCRIBE_FIELD, MIRROR_FIELD)
    return Given(start, end, name, label) if name in fields else None


def _pieces(
    text: str, start: int, end: int, filled: Sequence[Segment], *, is_html: bool
) -> list[str]:
    """What stands around the expressions, one more than these."""
    starts = [start, *(each.end for each in filled)]
    ends = [*(each.start for each in filled), end]
    return [
        _clean(text[first:last], is_html=is_html) for first, last in zip(starts, ends, strict=True)
    ]


def _clean(text: str, *, is_html: bool) -> str:
    read = _DROPPED.sub("", unescape(text) if is_html else text)
    # No brace may pass for one of Jinja2's.
    return read.replace("{", "%7B").replace("}", "%7D")


def _why_not(
    pieces: Sequence[str], inner: Sequence[Segment], filled: Sequence[Segment], url: str
) -> str | None:
    first = pieces[0]
    faults = (
        (first.lower().startswith(_RUNNING), "its scheme runs or shows what the link itself holds"),
        (first == "", "an expression makes its beginning"),
        (
            len(inner) != len(filled),
            "statements or comments of Jinja2 stand in it or at its end",
        ),
        (bool(filled) and _HOST.match(first) is None, "its host is personalised"),
        (len(filled) > _VALUES_MAX, f"more than {_VALUES_MAX} expressions stand in it"),
        (any(map(_CONTROL.search, pieces)), "a control character stands in it"),
        (len(url) > URL_MAX, f"it is longer than {URL_MAX} characters"),
        (not _is_readable("x".join(pieces)), "it cannot be read as a URL"),
    )
    return next((why for is_so, why in faults if is_so), None)


def _is_readable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
