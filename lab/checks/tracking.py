"""A message with the links that it goes out with: longer ones, where it is tracked."""

from lab.submit.tracked import Reading, as_sent
from mta.render import Template, compile_source
from store.tracked_urls import TrackedDelivery
from tracking.settings import TrackingSettings


def with_its_links(source: bytes, file: str, settings: TrackingSettings) -> Template:
    """The compiled source, its links rewritten unless tracking is off.

    No store is asked what is always or never tracked: a few bytes more or less.

    Raises:
        BadTemplate: the source cannot be read.
    """
    reading = Reading()
    template = compile_source(source, file, reading)
    if not settings.is_on:
        return template
    found = reading.collection
    urls = found.urls({}, fields=template.fields, has_unsubscribe=not template.has_own_unsubscribe)
    tracked = TrackedDelivery(
        base=settings.base,
        has_pixel=settings.opens and not found.is_text,
        is_text=found.is_text,
        valid_until=None,
        expired_url=None,
        urls=urls,
    )
    return as_sent(source, file, tracked)
