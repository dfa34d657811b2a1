"""Where a tracked URL leads for one recipient: its source with the values of its fields.

Values stand in the path, the query or the fragment, never in scheme, host or port, so that none
leads anywhere but where the author of the delivery wanted. They are encoded as a browser does with
a URL that it finds in a message: a reader gets where the untracked link would have led.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_FIELD: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
# Scheme and authority, then what ends the authority.
_BEGINNING: Final = re.compile(r"https?://[^/?#\\\s]+(?=[/?#]|$)", re.IGNORECASE)
_BROKEN_HOST: Final = re.compile(r"[\x00-\x20\x7f<>\"{}|^`\\]")
_LITERAL: Final = "%/:?#[]@!$&'()*+,;=-._~"  # what stays as it is in a URL (RFC 3986, 2.2)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in pieces, between which values are put; all of it is ASCII."""

    pieces: tuple[str, ...]

    @property
    def fields(self) -> int:
        return len(self.pieces) - 1

    def filled(self, values: Sequence[str]) -> str | None:
        """The URL with these values; None: they are too few or too many."""
        if len(values) != self.fields:
            return None
        if not values:
            return self.pieces[0]
        parts = [self.pieces[0]]
        for value, piece in zip(values, self.pieces[1:], strict=True):
            parts += (quote(value, safe=_LITERAL), piece)
        return "".join(parts)


def target_of(url: str) -> Target | None:
    """What a tracked URL leads to, or None if no browser may be sent there."""
    pieces = _FIELD.split(url.strip())
    beginning = _BEGINNING.match(pieces[0])
    if beginning is None or _BROKEN_HOST.search(beginning[0]):
        return None
    if beginning.end() == len(pieces[0]) and len(pieces) > 1:
        return None  # a field right behind the host would become part of it
    host = _ascii_host(beginning[0])
    if host is None:
        return None
    try:
        rest = [quote(each, safe=_LITERAL) for each in (pieces[0][beginning.end() :], *pieces[1:])]
    except UnicodeEncodeError:
        return None
    return Target((host + rest[0], *rest[1:]))


def _ascii_host(beginning: str) -> str | None:
    if beginning.isascii():
        return beginning
    scheme, _, authority = beginning.partition("://")
    user, at, place = authority.rpartition("@")
    host, colon, port = place.partition(":")
    try:
        encoded = host.encode("idna").decode("ascii")
        return f"{scheme}://{quote(user, safe=_LITERAL)}{at}{encoded}{colon}{quote(port)}"
    except UnicodeError:
        return None
