"""The URLs of a delivery: what was found in its texts, each once and with a number."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mail.tracked import MIRROR_FIELD, PIXEL, UNSUBSCRIBE_FIELD, Kind, UrlMode
from store.tracked_urls import Remembered, TrackedUrl, page_url
from tracking.find import Found, Links
from tracking.find.judged import is_url

URLS_MAX: Final = 10_000  # of one delivery
WARNINGS_MAX: Final = 20
_GIVEN: Final[Mapping[str, tuple[str, UrlMode, Kind]]] = {
    UNSUBSCRIBE_FIELD: ("unsubscribe", UrlMode.OPT_OUT, Kind.OPT_OUT),
    MIRROR_FIELD: ("mirror page", UrlMode.MIRROR, Kind.MIRROR),
}


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
