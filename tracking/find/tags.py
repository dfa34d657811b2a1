"""Tags of an HTML text and where they stand, as the HTML standard cuts it (13.2.5), in one pass.

Python's ``html.parser`` tells no places of attributes, and takes minutes for some hundred kilobytes
of tags that are not closed; the standard ends the text there.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"[A-Za-z][^\s/>]*")
_BETWEEN: Final = re.compile(r"[\s/]*")
_ATTRIBUTE: Final = re.compile(r"=?[^\s/>=]*")
_EQUALS: Final = re.compile(r"\s*=\s*")
_UNQUOTED: Final = re.compile(r"[^\s>]*")
# What stands in these is text, up to their end tag.
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}


class Tag(NamedTuple):
    """A start tag, an end tag, or a comment."""

    name: str  # in lower case; of an end tag with a slash before it; of a comment "!"
    start: int
    end: int  # after its closing bracket
    attributes: Mapping[str, tuple[int, int]]  # where their values stand; of two the first


def tags(text: str, start: int = 0, end: int | None = None) -> Iterator[Tag]:
    """The tags of a text, or of a stretch of it."""
    stop = len(text) if end is None else end
    at = start
    while (at := text.find("<", at, stop)) >= 0:
        found = _one(text, at, stop)
        if found is None:
            if _is_open(text, at, stop):
                return
            at += 1
            continue
        yield found
        at = found.end
        if found.name in _RAW:
            shut = _RAW[found.name].search(text, at, stop)
            if shut is None:
                return
            at = shut.start()


def _is_open(text: str, at: int, stop: int) -> bool:
    """Whether something begins there that no bracket closes: all the rest belongs to it."""
    after = text[at + 1 : min(at + 3, stop)]
    return after[:1] in {"!", "?"} or after[:1].isalpha() or (after[:1] == "/" and len(after) > 1)


def _one(text: str, at: int, stop: int) -> Tag | None:
    if text.startswith("<!--", at):
        return _comment(text, at, stop)
    lead = 2 if text.startswith("</", at) else 1
    name = _NAME.match(text, at + lead, stop)
    if name is not None:
        slash = "/" if lead == 2 else ""
        return _tag(text, at, name.end(), stop, slash + name[0].lower())
    if lead == 2 or text[at + 1 : at + 2] in {"!", "?"}:
        end = text.find(">", at, stop)
        return None if end < 0 else Tag("!", at, end + 1, {})
    return None


def _comment(text: str, at: int, stop: int) -> Tag | None:
    inner = at + len("<!--")
    for empty in (">", "->"):
        if text.startswith(empty, inner):
            return Tag("!", at, inner + len(empty), {})
    end = text.find("-->", inner, stop)
    return None if end < 0 else Tag("!", at, end + 3, {"": (inner, end)})


def _tag(text: str, start: int, at: int, stop: int, name: str) -> Tag | None:
    attributes: dict[str, tuple[int, int]] = {}
    while True:
        at = _end(_BETWEEN, text, at, stop)
        if at >= stop:
            return None
        if text[at] == ">":
            return Tag(name, start, at + 1, attributes)
        after = _end(_ATTRIBUTE, text, at, stop)
        attribute, at = text[at:after].lower(), after
        equals = _EQUALS.match(text, at, stop)
        if equals is None:
            continue
        at = equals.end()
        quote = text[at : at + 1]
        if quote in {'"', "'"}:
            first, last = at + 1, text.find(quote, at + 1, stop)
            if last < 0:
                return None
            at = last + 1
        else:
            first, last = at, _end(_UNQUOTED, text, at, stop)
            at = last
        attributes.setdefault(attribute, (first, last))


def _end(pattern: re.Pattern[str], text: str, at: int, stop: int) -> int:
    found = pattern.match(text, at, stop)
    return at if found is None else found.end()
