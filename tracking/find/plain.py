"""URLs in plain text, as mail programs make links of them."""

import re
from typing import Final

from tracking.find.judged import Found, Given, Links, Unfit, judged
from tracking.find.segments import Segments

# Until white space, a bracket or a quote; not the punctuation at its end.
_URL: Final = re.compile(r"\bhttps?://[^\s()\[\]{}<>\"]+", re.IGNORECASE)
_PUNCTUATION: Final = ".,;:!?'\u2019\u201d\u00bb"  # with the quotes that close


def links_of_text(text: str) -> Links:
    """Find the URLs of a plain text."""
    segments = Segments.of(text)
    found: list[Found | Given] = []
    unfit: list[Unfit] = []
    places = [
        (each.start(), _end(segments, *each.span())) for each in _URL.finditer(segments.masked)
    ]
    for start, end in places:
        judgement = judged(segments, start, end, "", is_html=False)
        if isinstance(judgement, Unfit):
            unfit.append(judgement)
        elif judgement is not None:
            found.append(judgement)
    found += _given(segments)
    found.sort()
    return Links(segments, found, unfit, len(segments.text))


def _end(segments: Segments, start: int, end: int) -> int:
    """Without the punctuation at the end, as far as it is the author's."""
    while end > start and segments.masked[end - 1] in _PUNCTUATION:
        end -= 1
    return end


def _given(segments: Segments) -> list[Given]:
    """Fields of ours, wherever they stand: they are URLs as a whole."""
    found = []
    for each in segments.all:
        judgement = judged(segments, each.start, each.end, "", is_html=False)
        if isinstance(judgement, Given):
            found.append(judgement)
    return found
