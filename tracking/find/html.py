"""URLs in HTML, as a mail program sees them: what a click on the message may open.

That is ``a`` and ``area``, and Outlook's shapes of VML (``v:roundrect``), also in its conditional
comments. Forms are not: they are sent and not followed, and mail programs take them away.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple

from tracking.find.judged import Found, Given, Links, Unfit, judged, label_of
from tracking.find.segments import Segments
from tracking.find.tags import Tag, tags

_TAGS: Final = ("a", "area")
_SHAPES: Final = "v:"
_TAG: Final = re.compile(r"<[^>]*>")
_ALT: Final = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_CONDITION: Final = re.compile(r"\[if[^\]]*\]>", re.IGNORECASE)
_LINK_END: Final = re.compile(r"</?a[\s>]", re.IGNORECASE)
_LABEL_LOOK: Final = 4000  # characters after a link in which its end is looked for


class _Place(NamedTuple):
    start: int
    end: int
    label: str


def links_of_html(text: str) -> Links:
    """Find the URLs of an HTML text."""
    segments = Segments.of(text)
    found: list[Found | Given] = []
    unfit: list[Unfit] = []
    for start, end, label in _places(segments, 0, len(segments.text)):
        judgement = judged(segments, start, end, label, is_html=True)
        if isinstance(judgement, Unfit):
            unfit.append(judgement)
        elif judgement is not None:
            found.append(judgement)
    found.sort()
    return Links(segments, found, unfit, _body_end(segments))


def _places(segments: Segments, start: int, end: int) -> Iterator[_Place]:
    for tag in tags(segments.masked, start, end):
        if tag.name == "!" and "" in tag.attributes:
            first, last = tag.attributes[""]
            condition = _CONDITION.match(segments.masked, first, last)
            if condition is not None:
                yield from _places(segments, condition.end(), last)
        elif (tag.name in _TAGS or tag.name.startswith(_SHAPES)) and "href" in tag.attributes:
            yield _Place(*tag.attributes["href"], _label(segments, tag))


def _body_end(segments: Segments) -> int:
    ends = [tag.start for tag in tags(segments.masked) if tag.name == "/body"]
    return ends[-1] if ends else len(segments.text)


def _label(segments: Segments, tag: Tag) -> str:
    """What a reader sees of a link: its text, or what stands for its picture, or its title."""
    inner = ""
    if tag.name == "a":
        end = tag.end + _LABEL_LOOK
        shut = _LINK_END.search(segments.masked, tag.end, end)
        inner = segments.text[tag.end : end if shut is None else shut.start()]
    picture = _ALT.search(inner)
    titles = (tag.attributes.get(name, (0, 0)) for name in ("title", "alt"))
    shown = (
        _TAG.sub(" ", inner),
        "" if picture is None else picture[1] or picture[2] or "",
        *(segments.text[slice(*each)] for each in titles),
    )
    return next(filter(None, (label_of(unescape(each)) for each in shown)), "")
