"""Lines of ready pieces between which harmless values are put as they are: most lines of most mail.

What would become of a value in a header or in quoted-printable is the value itself, as long as it
is short and holds nothing but letters, digits and a few marks. What stands around it is worked out
once; values that are not harmless go the long way. A property test holds that both agree.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# No "=", which quoted-printable and encoded words escape; nothing that HTML escapes; no dot or
# space at an end, where a line may begin or end.
HARMLESS: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 .,@_+-]*[A-Za-z0-9])?").fullmatch
# A display name of atoms (RFC 5322, 3.2.3), which needs no quotes.
PHRASE: Final = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*").fullmatch
SAMPLE: Final = "x"  # stands for any harmless value
_SHORT: Final = 60  # characters; longer values are not worth their trouble


@dataclass(frozen=True, slots=True)
class Splice:
    """Pieces of one line, between which values have their places."""

    pieces: tuple[str, ...]
    places: tuple[tuple[int, str], ...]  # which of the pieces is a field's, and its name
    room: int = _SHORT  # characters that one value may have at most
    links: tuple[tuple[int, str], ...] = ()  # the same of links, whose ends are harmless

    def fill(self, values: Mapping[str, Any]) -> str | None:
        """The line; None where a value is not harmless."""
        pieces, room = list(self.pieces), self.room
        for place, name in self.places:
            value = values.get(name)
            if type(value) is not str or len(value) > room or HARMLESS(value) is None:
                return None
            pieces[place] = value
        for place, name in self.links:
            pieces[place] = values[name]
        return "".join(pieces)

    def sample(self, link: str = "") -> str:
        """The line with a sample in each place; ``link`` is that of a link's end."""
        samples = dict.fromkeys(dict(self.places), SAMPLE) | dict.fromkeys(dict(self.links), link)
        return "".join(samples.get(at, each) for at, each in enumerate(self.pieces))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A line that may break where a value stands, so that it is encoded for each message."""

    raw: Splice
    encode: Callable[[str], str]

    def fill(self, values: Mapping[str, Any]) -> str | None:
        """The line; None where a value is not harmless, or where a dot begins a line."""
        raw = self.raw.fill(values)
        encoded = None if raw is None else self.encode(raw)
        return None if encoded is None or "\n." in encoded else encoded


def spliced(
    line: Splice, encode: Callable[[str], str], line_max: int, link: str = ""
) -> Splice | Encoded:
    """A raw line prepared: its pieces are encoded now if no harmless value can change how.

    Args:
        line: as it stands in the source, with its line end.
        encode: what is made of a whole line.
        line_max: characters up to which a line is never broken.
        link: a sample of what ends a link; all such ends are as long.
    """
    whole, count = encode(line.sample(link)), len(line.places)
    room = (line_max - len(whole) + count) // count
    places = {at for at, _ in (*line.places, *line.links)}
    last = len(line.pieces) - 1
    pieces = [
        each if at in places else _within(each, encode, is_first=at == 0, is_last=at == last)
        for at, each in enumerate(line.pieces)
    ]
    made = Splice(tuple(pieces), line.places, min(room, _SHORT), line.links)
    return made if room > 0 and made.sample(link) == whole else Encoded(line, encode)


def _within(text: str, encode: Callable[[str], str], *, is_first: bool, is_last: bool) -> str:
    """A text encoded as it is between two values, or between a value and an end."""
    before, after = "" if is_first else SAMPLE, "" if is_last else SAMPLE
    encoded = encode(before + text + after)
    return encoded[len(before) : len(encoded) - len(after)]


def lines_of(
    texts: Sequence[str], names: Sequence[tuple[int, str]], links: Sequence[tuple[int, str]] = ()
) -> Iterator[str | Splice]:
    """A text cut into its lines: runs of lines that are the same for all, and those with places.

    Args:
        texts: what stands in the source, ``""`` where a field or the end of a link does.
        names: which of the texts is a field's place, and its name.
        links: the same of links' ends.
    """
    fields_at, links_at = dict(names), dict(links)
    pieces: list[str] = []  # of the line that is not ended yet
    fields: list[tuple[int, str]] = []  # those on it
    ends: list[tuple[int, str]] = []
    for at, text in enumerate(texts):
        if at in fields_at or at in links_at:
            name, among = (fields_at[at], fields) if at in fields_at else (links_at[at], ends)
            among.append((len(pieces), name))
            pieces.append("")
            continue
        rest = text
        if (fields or ends) and "\n" in rest:
            ending, rest = _cut(rest, rest.index("\n") + 1)
            yield Splice((*pieces, ending), tuple(fields), links=tuple(ends))
            pieces, fields, ends = [], [], []
        if not (fields or ends):
            whole, rest = _cut(rest, rest.rfind("\n") + 1)
            if whole:
                yield "".join(pieces) + whole
                pieces = []
        pieces.append(rest)
    if fields or ends:
        yield Splice(tuple(pieces), tuple(fields), links=tuple(ends))
    elif last := "".join(pieces):
        yield last


def _cut(text: str, at: int) -> tuple[str, str]:
    return text[:at], text[at:]
