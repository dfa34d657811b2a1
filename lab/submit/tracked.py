"""What a submission tracks: the links of its message, and the pages that its source asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.submit.errors import BadSubmission
from mail.errors import Where
from mail.seal import KEY_BYTES, Keyring
from mail.tracked import Rewritten
from mta.render import Template, compile_source
from store import deliveries, keys, tracked_urls
from store.engine import Store, Tx
from store.tracked_urls import TrackedDelivery, TrackedUrl
from tracking.find import links_of_html, links_of_text
from tracking.rewriting import DeliveryLinks
from tracking.settings import TrackingSettings
from tracking.urls import URLS_MAX, Collection
from world.chance import Chance

_NO_KEY: Final = Keyring((bytes(KEY_BYTES),))  # for a message that is made to be tried, not sent


@dataclass
class Reading:
    """Notes the links of a source as it is compiled, and leaves them as they are."""

    collection: Collection = field(default_factory=Collection)

    def rewrite(self, text: str, *, is_html: bool, has_pixel: bool) -> Rewritten:  # noqa: ARG002
        links = links_of_html(text) if is_html else links_of_text(text)
        part = f"text/{'html' if is_html else 'plain'} part"
        self.collection.add(links, part, is_html=is_html)
        return Rewritten(text, ())

    def sealer(self, content: str, number: int) -> "_NoSeal":  # noqa: ARG002
        return _NoSeal()

    def given(self) -> Mapping[str, tuple[str, int]]:
        return {}


class _NoSeal:
    def __call__(self, *_: object) -> str:
        return ""


def tracked_of(
    store: Store,
    settings: TrackingSettings,
    template: Template,
    collection: Collection,
    contact_at: float,
) -> TrackedDelivery:
    """What is tracked of a delivery.

    Args:
        store: knows what is always or never tracked.
        settings: of tracking.
        template: the compiled source.
        collection: the links that were found in it.
        contact_at: epoch seconds; the validity of links runs from there.

    Raises:
        BadSubmission: there are too many links.
    """
    urls = collection.urls(
        store.read_now(tracked_urls.remembered, collection.found),
        fields=template.fields,
        has_unsubscribe=not template.has_own_unsubscribe,
    )
    if len(urls) > URLS_MAX:
        raise BadSubmission(
            f"holds {len(urls)} different links; up to {URLS_MAX} are tracked",
            where=Where(template.file),
            remedy="Send fewer of them, or use --no-tracking.",
        )
    return TrackedDelivery(
        base=settings.base,
        has_pixel=settings.opens and not collection.is_text,
        is_text=collection.is_text,
        valid_until=contact_at + settings.validity if settings.validity else None,
        expired_url=settings.expired_url or None,
        urls=urls,
    )


def as_sent(source: bytes, file: str, tracked: TrackedDelivery) -> Template:
    """The source with tracked links, to try whether messages can be made of it."""
    return compile_source(source, file, DeliveryLinks(0, tracked, _NO_KEY))


def create(
    tx: Tx, new: deliveries.NewDelivery, tracked: TrackedDelivery | None, chance: Chance
) -> int:
    """A new delivery with what is tracked of it, and the lab's first key where there is none."""
    delivery_id = deliveries.create(tx, new)
    if tracked is not None:
        keys.first(tx, lambda: chance.secret(KEY_BYTES), new.submitted_at)
        tracked_urls.put(tx, delivery_id, tracked)
    return delivery_id


def shown(urls: tuple[TrackedUrl, ...]) -> list[dict[str, object]]:
    """As ``docs/json.md`` has them."""
    return [
        {
            "number": each.number,
            "url": each.url,
            "label": each.label,
            "category": each.category,
            "mode": str(each.mode),
            "kind": each.kind.label,
        }
        for each in urls
    ]
