"""What of a text Jinja2 fills in: expressions, and all else that stands in its braces."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from jinja2 import Environment, TemplateSyntaxError

_LEXER: Final = Environment(keep_trailing_newline=True, autoescape=True)  # only asked for tokens
_ENDS: Final = {
    "variable_begin": "variable_end",
    "block_begin": "block_end",
    "comment_begin": "comment_end",
    "raw_begin": "raw_end",
}
_LETTER: Final = "J"


class Segment(NamedTuple):
    """A stretch in Jinja2's braces, from ``start`` until before ``end``."""

    start: int
    end: int
    expression: str | None  # what stands in ``{{ }}``; None: a statement, a comment, raw text


@dataclass(frozen=True, slots=True)
class Segments:
    """A text with its segments in their order; line ends are LF."""

    text: str
    all: Sequence[Segment]
    masked: str  # the text with a letter for each character of an expression, else with spaces
    has_statements: bool

    @classmethod
    def of(cls, text: str) -> "Segments":
        """Cut a text that Jinja2 can read; one that it cannot read has no segments."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if "{" not in text:
            return cls(text, (), text, has_statements=False)
        try:
            found = list(_cut(text))
        except TemplateSyntaxError:
            return cls(text, (), text, has_statements=False)
        pieces: list[str] = []
        at = 0
        for each in found:
            mark = " " if each.expression is None else _LETTER
            pieces += [text[at : each.start], mark * (each.end - each.start)]
            at = each.end
        has_statements = any(each.expression is None for each in found)
        return cls(text, found, "".join((*pieces, text[at:])), has_statements)

    def within(self, start: int, end: int) -> Sequence[Segment]:
        """Those that stand in a stretch of the text or touch its end, in whole or in part."""
        first = bisect_left(self.all, start, key=lambda each: each.end)
        while first < len(self.all) and self.all[first].end <= start:
            first += 1
        last = first
        while last < len(self.all) and self.all[last].start <= end:
            last += 1
        return self.all[first:last]


def _cut(text: str) -> Iterator[Segment]:
    at = start = 0
    opening = closing = ""
    for _, kind, value in _LEXER.lex(text):
        # White space that a minus sign takes away is in no token.
        at = text.index(value, at)
        if not closing and kind in _ENDS:
            start, closing, opening = at, _ENDS[kind], value
        at += len(value)
        if kind == closing:
            inner = text[start:at]
            is_bare = kind == "variable_end" and opening == "{{" and value == "}}"
            yield Segment(start, at, inner[2:-2] if is_bare else None)
            closing = ""
