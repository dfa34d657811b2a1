"""The URLs of deliveries that are tracked, and what is remembered of URLs from one to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from mail.tracked import Kind, UrlMode
from store import tables
from store.engine import Tx


@dataclass(frozen=True, slots=True)
class TrackedUrl:
    """A URL of a content as its source has it, which may hold personal fields."""

    number: int
    url: str
    label: str
    category: str
    mode: UrlMode
    kind: Kind


@dataclass(frozen=True, slots=True)
class TrackedDelivery:
    """What a delivery tracks; ``base`` begins its links, without a slash at the end."""

    base: str
    has_pixel: bool
    is_text: bool  # no HTML: opens are not seen
    valid_until: float | None  # epoch seconds; None: for ever
    expired_url: str | None  # where its links lead afterwards
    urls: tuple[TrackedUrl, ...]  # by number


def put(tx: Tx, delivery_id: int, tracked: TrackedDelivery) -> None:
    """A delivery is tracked from now on."""
    tx.connection.execute(
        tables.tracked_delivery.insert().values(
            delivery_id=delivery_id,
            base=tracked.base,
            has_pixel=tracked.has_pixel,
            is_text=tracked.is_text,
            valid_until=tracked.valid_until,
            expired_url=tracked.expired_url,
        )
    )
    rows = [
        {
            "delivery_id": delivery_id,
            "number": each.number,
            "url": each.url,
            "label": each.label,
            "category": each.category,
            "mode": str(each.mode),
            "kind": int(each.kind),
        }
        for each in tracked.urls
    ]
    if rows:
        tx.connection.execute(tables.tracked_url.insert(), rows)


def of(tx: Tx, delivery_id: int) -> TrackedDelivery | None:
    """What a delivery tracks, or None if it is not tracked."""
    table = tables.tracked_delivery
    row = tx.connection.execute(
        select(table).where(table.c.delivery_id == delivery_id)
    ).one_or_none()
    if row is None:
        return None
    urls = tables.tracked_url
    query = select(urls).where(urls.c.delivery_id == delivery_id).order_by(urls.c.number)
    return TrackedDelivery(
        row.base,
        row.has_pixel,
        row.is_text,
        row.valid_until,
        row.expired_url,
        tuple(
            TrackedUrl(
                each.number,
                each.url,
                each.label,
                each.category,
                UrlMode(each.mode),
                Kind(each.kind),
            )
            for each in tx.connection.execute(query)
        ),
    )


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is done with a URL in every delivery."""

    mode: UrlMode  # ALWAYS or NEVER
    label: str
    category: str


def remember(tx: Tx, urls: Mapping[str, Remembered], at: float) -> None:
    """Remember these URLs for later deliveries."""
    rows = [
        {
            "url": url,
            "mode": str(each.mode),
            "label": each.label,
            "category": each.category,
            "set_at": at,
        }
        for url, each in urls.items()
    ]
    tx.dialect.put(tx.connection, tables.url_memory, rows)


def forget(tx: Tx, urls: Sequence[str]) -> None:
    """Remember nothing of these URLs any more."""
    table = tables.url_memory
    tx.connection.execute(table.delete().where(table.c.url.in_(urls)))


def remembered(tx: Tx, urls: Iterable[str]) -> dict[str, Remembered]:
    """What is remembered of these URLs."""
    table = tables.url_memory
    found = tx.connection.execute(select(table).where(table.c.url.in_(list(urls))))
    return {each.url: Remembered(UrlMode(each.mode), each.label, each.category) for each in found}
