"""Lines that differ in the ends of links alone: encoded once, ends are put where they belong.

The ends have the same length in all messages and no character that quoted-printable escapes, so
that a line with samples breaks where all such lines break, be it within an end.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mta.render.splice import Encoded, Splice

_SOFT: Final = "=\r\n"
_CODED: Final = re.compile(r"=\r\n|=[0-9A-F]{2}|.", re.DOTALL)


class Spot(NamedTuple):
    """Where the end of a link is put."""

    place: int  # which of the pieces
    name: str
    cut: int  # characters before a soft line break; 0: none falls within


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encoded pieces with spots for the ends of links."""

    pieces: tuple[str, ...]
    spots: tuple[Spot, ...]

    def fill(self, values: Mapping[str, Any]) -> str:
        pieces = list(self.pieces)
        for place, name, cut in self.spots:
            end = values[name]
            pieces[place] = f"{end[:cut]}{_SOFT}{end[cut:]}" if cut else end
        return "".join(pieces)


def sealed(line: Splice, encode: Callable[[str], str], sample: str) -> Sealed | Encoded:
    """A raw line without fields prepared; ``sample`` stands for the end of a link."""
    whole = encode(line.sample(sample))
    names = dict(line.links)
    before = 0  # bytes of the raw line
    starts: dict[int, str] = {}
    for at, piece in enumerate(line.pieces):
        if at in names:
            starts[before] = names[at]
            before += len(sample)
        else:
            before += len(piece.encode("utf-8"))
    pieces: list[str] = []
    spots: list[Spot] = []
    last = 0
    for start, end, name in _found(whole, starts, len(sample)):
        cut = whole[start:end].find(_SOFT)
        pieces += [whole[last:start], ""]
        spots.append(Spot(len(pieces) - 1, name, max(cut, 0)))
        last = end
    made = Sealed((*pieces, whole[last:]), tuple(spots))
    is_right = len(spots) == len(names) and made.fill(dict.fromkeys(starts.values(), sample))
    return made if is_right == whole else Encoded(line, encode)


def _found(encoded: str, starts: Mapping[int, str], length: int) -> Iterator[tuple[int, int, str]]:
    """Where the samples stand in the encoded line, and whose they are."""
    raw, start, name, until = 0, 0, "", -1
    for each in _CODED.finditer(encoded):
        if each[0] == _SOFT:
            continue
        if raw in starts:
            start, name, until = each.start(), starts[raw], raw + length
        raw += 1
        if raw == until:
            yield start, each.end(), name


def joined(
    lines: Sequence[str | Splice | Encoded | Sealed],
) -> Iterator[str | Splice | Encoded | Sealed]:
    """The same with neighbouring texts and lines of this kind in one."""
    pieces: list[str] = []
    spots: list[Spot] = []
    for line in lines:
        if isinstance(line, Splice | Encoded):
            yield from _one(pieces, spots)
            pieces, spots = [], []
            yield line
        elif isinstance(line, str):
            pieces.append(line)
        else:
            spots += [each._replace(place=each.place + len(pieces)) for each in line.spots]
            pieces += line.pieces
    yield from _one(pieces, spots)


def _one(pieces: Sequence[str], spots: Sequence[Spot]) -> Iterator[str | Sealed]:
    if spots:
        yield Sealed(tuple(pieces), tuple(spots))
    elif pieces:
        yield "".join(pieces)
