"""The URLs of a delivery: how what was found in its texts becomes them, and where one leads."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, urlsplit

from mail.address import BadAddress, canonical_domain
from mail.tracked import MIRROR_FIELD, PIXEL, UNSUBSCRIBE_FIELD, Kind, UrlMode
from store.tracked_urls import Remembered, TrackedUrl, page_url
from tracking.find import Found, Links
from tracking.find.judged import is_url
from tracking.find.segments import Segments

URLS_MAX: Final = 10_000  # of one delivery
WARNINGS_MAX: Final = 20
# All that RFC 3986 lets stand in a URL, and the sign of what is encoded already.
_AS_IS: Final = "!#$%&'()*+,/:;=?@[]~-._"
_GIVEN: Final[Mapping[str, tuple[str, UrlMode, Kind]]] = {
    UNSUBSCRIBE_FIELD: ("unsubscribe", UrlMode.OPT_OUT, Kind.OPT_OUT),
    MIRROR_FIELD: ("mirror page", UrlMode.MIRROR, Kind.MIRROR),
}
_AUTHORITY: Final = re.compile(r"(https?://)([^/?#\\]*)(.*)", re.IGNORECASE | re.DOTALL)


def target(url: str, values: Sequence[str]) -> str | None:
    """Where a URL leads for a message: its expressions replaced, fit for a Location header.

    Args:
        url: as ``TrackedUrl`` has it; its host is fixed (``tracking.find`` sees to that).
        values: of its expressions, in their order.

    Returns:
        None if it has another number of expressions, or is none of http or https.
    """
    pieces = _split(url)
    if len(pieces) != len(values) + 1:
        return None
    whole = pieces[0] + "".join(
        value + piece for value, piece in zip(values, pieces[1:], strict=True)
    )
    found = _AUTHORITY.fullmatch(whole)
    if found is None:
        return None
    authority = found[2]
    if not authority.isascii():
        try:
            host = urlsplit(f"http://{authority}").hostname or ""
            authority = authority.replace(host, canonical_domain(host))
        except (BadAddress, ValueError):
            return None
    rest = found[3].encode("utf-8", "replace")
    return found[1] + quote(authority, safe=_AS_IS) + quote(rest, safe=_AS_IS)


def _split(url: str) -> list[str]:
    """What stands around the expressions."""
    pieces, at = [], 0
    for each in Segments.of(url).all:
        pieces.append(url[at : each.start])
        at = each.end
    return [*pieces, url[at:]]


@dataclass
class Collection:
    """The URLs of a delivery's texts, each once."""

    is_text: bool = True  # no HTML was seen
    warnings: list[str] = field(default_factory=list)
    _labels: dict[str, str] = field(default_factory=dict)  # by URL, in the order of the texts
    _given: dict[str, str] = field(default_factory=dict)  # the same of fields of ours
    _warned: set[str] = field(default_factory=set)

    def add(self, links: Links, part: str, *, is_html: bool) -> None:
        """Take what was found in one text; ``part`` names it in warnings."""
        self.is_text = self.is_text and not is_html
        for each in links.found:
            key, among = (
                (each.url, self._labels) if isinstance(each, Found) else (each.field, self._given)
            )
            if not among.get(key):
                among[key] = each.label
            if is_html and isinstance(each, Found) and is_url(each.label):
                self._warn(
                    f"{part}: the text of a link is an address itself, {each.label}: phishing "
                    "filters dislike such links where they are tracked"
                )
        for bad in links.unfit:
            line = links.text.count("\n", 0, bad.start) + 1
            self._warn(f"{part}, line {line}: {bad.url} is not tracked: {bad.why}")

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self.warnings.append(text)

    def told(self) -> Iterator[str]:
        """Warnings for the author, not without end."""
        yield from self.warnings[:WARNINGS_MAX]
        if len(self.warnings) > WARNINGS_MAX:
            yield f"… and {len(self.warnings) - WARNINGS_MAX} more about links"

    @property
    def found(self) -> Iterable[str]:
        """The URLs, without those of fields."""
        return self._labels

    def urls(
        self,
        remembered: Mapping[str, Remembered],
        *,
        fields: Container[str],
        has_unsubscribe: bool,
    ) -> tuple[TrackedUrl, ...]:
        """All of them with their numbers: the pixel, our own pages, then the texts' in order.

        Args:
            remembered: of these URLs, what is done with them in every delivery.
            fields: all that the source asks for.
            has_unsubscribe: whether the message says in a header of ours where to unsubscribe.
        """
        made = [TrackedUrl(PIXEL, "", "open", "", UrlMode.ENABLED, Kind.OPEN)]
        for name, (label, mode, kind) in _GIVEN.items():
            if name in fields or (has_unsubscribe and name == UNSUBSCRIBE_FIELD):
                shown = self._given.get(name) or label
                made.append(TrackedUrl(len(made) + 1, page_url(name), shown, "", mode, kind))
        for url, label in self._labels.items():
            number = len(made) + 1
            one = TrackedUrl(number, url, label or _short(url), "", UrlMode.ENABLED, Kind.CLICK)
            known = remembered.get(url)
            if known is not None:
                one = replace(
                    one,
                    mode=known.mode,
                    label=known.label or one.label,
                    category=known.category,
                )
            made.append(one)
        return tuple(made)


def _short(url: str) -> str:
    """A label for a URL that has none."""
    return re.split(r"[?#]", url.partition("://")[2], maxsplit=1)[0].rstrip("/")[:100]
