"""What of an HTML text is checked: its links, its images, and what does not belong there."""

from bisect import bisect_right
from dataclasses import dataclass, field
from html import unescape
from typing import Final

from tracking.find.segments import Segments
from tracking.find.tags import Tag, tags

_LABEL_MAX: Final = 200
_FOREIGN: Final = frozenset({"script", "form", "iframe", "frame", "object", "embed", "applet"})
_LINKS: Final = frozenset({"a", "area"})


@dataclass(frozen=True, slots=True)
class Link:
    """Where it leads, as the source has it with its expressions; what a reader sees of it."""

    url: str
    label: str
    line: int  # of the text


@dataclass(frozen=True, slots=True)
class Image:
    """``alt`` None: there is no such attribute; an empty one says that it is decoration."""

    url: str
    alt: str | None
    line: int


@dataclass(slots=True)
class Page:
    """One HTML text, read."""

    links: list[Link] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    foreign: list[tuple[str, int]] = field(default_factory=list)  # tags, and their lines


def read_page(text: str) -> Page:
    """Read an HTML text in one pass, however broken it is."""
    return _Reading(text).page


class _Reading:
    def __init__(self, text: str) -> None:
        self._segments = Segments.of(text)
        whole = self._segments.text
        self._breaks = [at for at, each in enumerate(whole) if each == "\n"]
        self.page = Page()
        self._open: tuple[str, int] | None = None  # URL and line of the link that is open
        self._label: list[str] = []
        self._length = 0
        at = 0
        for tag in tags(self._segments.masked):
            self._say(whole[at : tag.start])
            at = tag.end
            self._take(tag)
        self._shut()

    def _take(self, tag: Tag) -> None:
        name = tag.name
        if name in _LINKS:
            self._shut()
            if "href" in tag.attributes:
                self._open = (self._value(tag, "href"), self._line(tag))
        elif name == "/a":
            self._shut()
        elif name == "img":
            alt = self._value(tag, "alt") if "alt" in tag.attributes else None
            self.page.images.append(Image(self._value(tag, "src"), alt, self._line(tag)))
            self._say(alt or "")
        elif name in _FOREIGN:
            self.page.foreign.append((name, self._line(tag)))
        if name == "area":
            self._shut()

    def _say(self, text: str) -> None:
        if self._open is not None and self._length < _LABEL_MAX:
            self._label.append(text)
            self._length += len(text)

    def _shut(self) -> None:
        if self._open is not None:
            url, line = self._open
            label = " ".join(unescape(" ".join(self._label)).split())[:_LABEL_MAX]
            self.page.links.append(Link(url, label, line))
        self._open, self._label, self._length = None, [], 0

    def _value(self, tag: Tag, name: str) -> str:
        start, end = tag.attributes.get(name, (0, 0))
        return unescape(self._segments.text[start:end]).strip()

    def _line(self, tag: Tag) -> int:
        return bisect_right(self._breaks, tag.start) + 1
