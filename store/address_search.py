"""Addresses by status, domain, reason, text and time, and their release."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all

from mail.address_status import AddressStatus
from mail.reason import Reason
from store import addresses, tables
from store.addresses import KnownAddress
from store.engine import Tx

RELEASED_AT_ONCE: Final = 2000  # addresses of one transaction; keeps writers' waits short
BULK: Final = (AddressStatus.QUARANTINED, AddressStatus.WITH_ERRORS)  # unless others are named
RELEASABLE: Final = tuple(each for each in AddressStatus if each is not AddressStatus.VALID)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which addresses; what is None does not matter. Times in epoch seconds."""

    statuses: Collection[AddressStatus] = ()  # none: all
    address: str | None = None
    domain: str | None = None  # in canonical form
    reason: Reason | None = None
    text: str | None = None  # a mask of the whole text, with * and ?; case does not count
    since: float | None = None  # counted or decided then or later
    until: float | None = None  # before
    piece: str | None = None  # of the address; case does not count

    def for_release(self) -> "Selection":
        """Those of them that a release is meant for.

        One by name, whatever its status; in bulk, what somebody denylisted or allowlisted stays so
        unless its status is named.
        """
        named = self.statuses or (RELEASABLE if self.address is not None else BULK)
        return replace(self, statuses=tuple(each for each in named if each in RELEASABLE))


def find(
    tx: Tx, chosen: Selection, limit: int = 200, after: KnownAddress | None = None
) -> list[KnownAddress]:
    """The newest first; with ``after`` those that follow it in this order."""
    # Of each status by itself, as the index has them in this order.
    newest = [
        select(_newest(replace(chosen, statuses=(each,)), limit, after).subquery())
        for each in sorted(chosen.statuses or AddressStatus)
    ]
    found = union_all(*newest).subquery()
    query = select(found).order_by(found.c.counted_at.desc(), found.c.address).limit(limit)
    return [addresses.known_from(row) for row in tx.connection.execute(query)]


def _newest(chosen: Selection, limit: int, after: KnownAddress | None) -> Select[Any]:
    table = tables.address
    query = _those(select(table), chosen)
    if after is not None:
        is_next = and_(table.c.counted_at == after.counted_at, table.c.address > after.address)
        query = query.where(or_(table.c.counted_at < after.counted_at, is_next))
    return query.order_by(table.c.counted_at.desc(), table.c.address).limit(limit)


def every(tx: Tx, chosen: Selection, after: str = "", limit: int = 5000) -> list[KnownAddress]:
    """By address, those after the one given: for who reads all of them, page by page."""
    table = tables.address
    query = _those(select(table), chosen).where(table.c.address > after)
    query = query.order_by(table.c.address).limit(limit)
    return [addresses.known_from(row) for row in tx.connection.execute(query)]


def count(tx: Tx, chosen: Selection) -> int:
    """How many there are."""
    query = _those(select(func.count()).select_from(tables.address), chosen)
    return int(tx.connection.scalar(query) or 0)


def counts(tx: Tx) -> dict[AddressStatus, int]:
    """How many there are by status."""
    table = tables.address
    query = select(table.c.status, func.count()).group_by(table.c.status)
    found = {AddressStatus(row[0]): int(row[1]) for row in tx.connection.execute(query)}
    return {each: found.get(each, 0) for each in AddressStatus}


def release(tx: Tx, chosen: Selection, at: float, because: str) -> int:
    """Make some of the selected addresses valid; returns how many, 0 when none is left.

    ``chosen.statuses`` may not hold ``valid``, or there would be no end.
    """
    assert AddressStatus.VALID not in chosen.statuses, "what is valid needs no release"
    table = tables.address
    query = _those(select(table.c.address), chosen)
    if not chosen.statuses:
        query = query.where(table.c.status != str(AddressStatus.VALID))
    query = query.order_by(table.c.address).limit(RELEASED_AT_ONCE)
    found = list(tx.connection.execute(query.with_for_update()).scalars())
    return addresses.decide(tx, found, AddressStatus.VALID, at, because)


def _those(query: Select[Any], chosen: Selection) -> Select[Any]:
    return query.where(*_conditions(chosen))


def _conditions(chosen: Selection) -> Iterator[ColumnElement[bool]]:
    table = tables.address
    if chosen.statuses:
        yield table.c.status.in_([str(each) for each in sorted(chosen.statuses)])
    if chosen.address is not None:
        yield table.c.address == chosen.address
    if chosen.piece is not None:
        piece = f"%{_literal(chosen.piece.lower())}%"
        yield func.lower(table.c.address).like(piece, escape="\\")
    if chosen.domain is not None:
        yield table.c.address.like(f"%@{_literal(chosen.domain)}", escape="\\")
    if chosen.reason is not None:
        yield table.c.reason == int(chosen.reason)
    if chosen.text is not None:
        mask = _literal(chosen.text.lower()).replace("*", "%").replace("?", "_")
        yield func.lower(table.c.text).like(mask, escape="\\")
    if chosen.since is not None:
        yield table.c.counted_at >= chosen.since
    if chosen.until is not None:
        yield table.c.counted_at < chosen.until


def _literal(text: str) -> str:
    """What LIKE takes for these very characters."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def as_rows(known: Sequence[KnownAddress]) -> list[dict[str, Any]]:
    """The shape of addresses in ``docs/json.md`` and in exported files."""
    return [
        {
            "address": each.address,
            "status": str(each.status),
            "errors": each.errors,
            "reason": each.reason.label,
            "text": each.text,
            "delivery": each.delivery_id or None,
            "at": each.counted_at,
        }
        for each in known
    ]
