"""Links of a delivery's texts become links to the tracking server, as each URL's mode says."""

from collections.abc import Callable, Sequence
from typing import Final

from mail.seal import Keyring
from mail.tracked import (
    MIRROR_FIELD,
    PIXEL,
    TRACKED,
    UNSUBSCRIBE_FIELD,
    LinkPlace,
    Rewritten,
    UrlMode,
)
from store import keys, tracked_urls
from store.engine import Tx
from store.tracked_urls import TrackedDelivery, TrackedUrl, page_url
from tracking import token
from tracking.find import Found, Given, Links, links_of_html, links_of_text

REDIRECT: Final = "r"
UNSUBSCRIBE: Final = "u"
MIRROR: Final = "m"
_FIELDS: Final = {UNSUBSCRIBE_FIELD: UNSUBSCRIBE, MIRROR_FIELD: MIRROR}


class DeliveryLinks:
    """What the worker asks about the links of one delivery (``mta/render/links.py``)."""

    def __init__(self, delivery_id: int, tracked: TrackedDelivery, ring: Keyring) -> None:
        self._delivery_id, self._tracked, self._ring = delivery_id, tracked, ring
        self._urls = {each.url: each for each in tracked.urls if each.number != PIXEL}

    def rewrite(self, text: str, *, is_html: bool, has_pixel: bool) -> Rewritten:
        """The text of a part with links of ours; ``has_pixel`` asks for the open pixel in HTML."""
        links = links_of_html(text) if is_html else links_of_text(text)
        content = token.HTML if is_html else token.TEXT
        pixel_at = links.pixel_at if has_pixel and self._tracked.has_pixel else None
        pieces: list[str] = []
        places: dict[str, LinkPlace] = {}
        at = 0
        for start, end, url, values in self._edits(links, pixel_at):
            is_called = bool(values) and links.segments.has_statements
            place = LinkPlace(f"mtalab_{content}{url.number}", url.number, values, is_called)
            places[place.name] = place
            pieces += [links.text[at:start], self._link(content, url, place)]
            if end is None:
                pieces[-1] = f'<img src="{pieces[-1]}" width="1" height="1" alt="">'
            at = start if end is None else end
        if not places:
            return Rewritten(text, ())
        return Rewritten("".join((*pieces, links.text[at:])), tuple(places.values()))

    def _edits(
        self, links: Links, pixel_at: int | None
    ) -> list[tuple[int, int | None, TrackedUrl, tuple[str, ...]]]:
        """Where in the text what goes, in order; the pixel replaces nothing."""
        edits: list[tuple[int, int | None, TrackedUrl, tuple[str, ...]]] = []
        for each in links.found:
            url = self._urls.get(_key(each))
            if url is not None and url.mode in TRACKED:
                values = each.values if isinstance(each, Found) else ()
                edits.append((each.start, each.end, url, values))
        if pixel_at is not None:
            pixel = next(each for each in self._tracked.urls if each.number == PIXEL)
            edits.append((pixel_at, None, pixel, ()))
        edits.sort(key=lambda each: each[0])
        return edits

    def _link(self, content: str, url: TrackedUrl, place: LinkPlace) -> str:
        asked = ", ".join(f"({each})" for each in place.values)
        name = f"{place.name}({asked})" if place.is_called else place.name
        return f"{self._beginning(content, url)}{{{{ {name} }}}}"

    def _beginning(self, content: str, url: TrackedUrl) -> str:
        page = MIRROR if url.mode is UrlMode.MIRROR else REDIRECT
        if url.url == page_url(UNSUBSCRIBE_FIELD):
            page = UNSUBSCRIBE
        head = token.head(content, self._delivery_id, url.number)
        return f"{self._tracked.base}/{page}/{head}"

    def sealer(self, content: str, number: int) -> Callable[[int, Sequence[str]], str]:
        """What ends a link, by message and values; always as long."""
        return token.sealer(self._ring, content, self._delivery_id, number)

    def given(self) -> dict[str, tuple[str, int]]:
        """Fields of ours: how the link begins in a header, and its number."""
        found = {name: self._urls.get(page_url(name)) for name in _FIELDS}
        return {
            name: (self._beginning(token.HEADER, url), url.number)
            for name, url in found.items()
            if url is not None
        }


def links_of_delivery(tx: Tx, delivery_id: int) -> DeliveryLinks | None:
    """What a worker does with the links of a delivery; None if it is not tracked."""
    tracked = tracked_urls.of(tx, delivery_id)
    ring = None if tracked is None else keys.keys(tx)
    return None if tracked is None or ring is None else DeliveryLinks(delivery_id, tracked, ring)


def _key(found: Found | Given) -> str:
    return found.url if isinstance(found, Found) else page_url(found.field)
