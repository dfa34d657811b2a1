"""The URLs of deliveries that are tracked, and what is remembered of URLs from one to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Row, select

from mail.states import DeliveryStatus
from mail.tracked import MIRROR_FIELD, PIXEL, UNSUBSCRIBE_FIELD, Kind, UrlMode
from store import audit, tables
from store.engine import Tx
from store.errors import LinksAreOut, NotForThisUrl, NotTracked, UnknownDelivery

_CHUNK: Final = 900  # URLs in one query; SQLite takes 999 at least
_NOT_OVER: Final = (
    DeliveryStatus.EDITING,
    DeliveryStatus.READY,
    DeliveryStatus.START_PENDING,
    DeliveryStatus.PAUSED,
)
_KEPT: Final = (UrlMode.ALWAYS, UrlMode.NEVER)
_KINDS: Final = {UrlMode.OPT_OUT: Kind.OPT_OUT, UrlMode.MIRROR: Kind.MIRROR}


@dataclass(frozen=True, slots=True)
class TrackedUrl:
    """A URL of a content as its source has it, which may hold personal fields."""

    number: int
    url: str
    label: str
    category: str
    mode: UrlMode
    kind: Kind

    @property
    def is_of_source(self) -> bool:
        """Whether the source has it; else it is the pixel or a page of ours."""
        return self.number != PIXEL and self.url not in _PAGES


def page_url(field: str) -> str:
    """The URL under which the page that a field of ours leads to is among a delivery's."""
    return f"{{{{ {field} }}}}"


_PAGES: Final = frozenset(map(page_url, (UNSUBSCRIBE_FIELD, MIRROR_FIELD)))


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


def forget(tx: Tx, urls: Sequence[str]) -> int:
    """Remember nothing of these URLs any more; returns of how many something was remembered."""
    table = tables.url_memory
    gone = 0
    for at in range(0, len(urls), _CHUNK):
        chosen = table.c.url.in_(urls[at : at + _CHUNK])
        gone += tx.connection.execute(table.delete().where(chosen)).rowcount
    return gone


def remembered(tx: Tx, urls: Iterable[str]) -> dict[str, Remembered]:
    """What is remembered of these URLs."""
    table, asked = tables.url_memory, list(urls)
    found: dict[str, Remembered] = {}
    for at in range(0, len(asked), _CHUNK):
        chosen = table.c.url.in_(asked[at : at + _CHUNK])
        rows = tx.connection.execute(select(table).where(chosen))
        found |= {each.url: _remembered(each) for each in rows}
    return found


def all_remembered(tx: Tx) -> dict[str, Remembered]:
    """All that is remembered, by URL."""
    table = tables.url_memory
    rows = tx.connection.execute(select(table).order_by(table.c.url))
    return {each.url: _remembered(each) for each in rows}


def _remembered(row: Row[Any]) -> Remembered:
    return Remembered(UrlMode(row.mode), row.label, row.category)


@dataclass(frozen=True, slots=True)
class Change:
    """What is said of a URL of a delivery; None: as it was."""

    mode: UrlMode | None = None
    label: str | None = None
    category: str | None = None


def change(tx: Tx, delivery_id: int, number: int, said: Change, at: float) -> TrackedUrl:
    """Say what is done with a URL of a delivery that has not begun, and remember it if so asked.

    ``always`` and ``never`` hold for later deliveries too; another mode ends that.

    Raises:
        UnknownDelivery: there is none of that number.
        NotTracked: the delivery is not, or has no such URL.
        LinksAreOut: mails with its links may be on their way.
        NotForThisUrl: the URL is a page of ours, whose mode is what it is.
    """
    old = _unsent(tx, delivery_id, number)
    if said.mode is not None and not old.is_of_source:
        raise NotForThisUrl(number, old.label)
    new = replace(
        old,
        mode=old.mode if said.mode is None else said.mode,
        kind=old.kind if said.mode is None else _KINDS.get(said.mode, Kind.CLICK),
        label=old.label if said.label is None else said.label,
        category=old.category if said.category is None else said.category,
    )
    table = tables.tracked_url
    tx.connection.execute(
        table.update()
        .where(table.c.delivery_id == delivery_id, table.c.number == number)
        .values(mode=str(new.mode), kind=int(new.kind), label=new.label, category=new.category)
    )
    if new.mode in _KEPT:
        remember(tx, {new.url: Remembered(new.mode, new.label, new.category)}, at)
    elif said.mode is not None:
        forget(tx, [new.url])
    text = f"URL {number} is {new.mode}, labelled {new.label!r}"
    audit.note(tx, at, text, delivery_id=delivery_id)
    return new


def _unsent(tx: Tx, delivery_id: int, number: int) -> TrackedUrl:
    """A URL that no mail has yet; its delivery does not begin before this transaction is over."""
    delivery = tables.delivery
    row = tx.connection.execute(
        select(delivery.c.status, delivery.c.started_at)
        .where(delivery.c.id == delivery_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownDelivery(delivery_id)
    tracked = of(tx, delivery_id)
    if tracked is None:
        raise NotTracked(delivery_id)
    found = next((each for each in tracked.urls if each.number == number), None)
    if found is None:
        raise NotTracked(delivery_id, number)
    if row.started_at is not None or DeliveryStatus(row.status) not in _NOT_OVER:
        raise LinksAreOut(delivery_id, row.status)
    return found
