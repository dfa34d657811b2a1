"""Addresses with errors, and which of them are quarantined.

A hard error quarantines at once; a soft one counts only if a day has passed since the one counted
before, and the sixth quarantines; a counter older than ten days starts anew (Adobe Campaign
Classic, "Understanding quarantine management").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from mail.reason import FailureType, Reason
from store import rollups, tables
from store.engine import Tx

QUARANTINED: Final = "quarantined"
WITH_ERRORS: Final = "with_errors"
SIGNIFICANT_GAP_S: Final = 86_400.0
RESET_AFTER_S: Final = 10 * 86_400.0
SOFT_ERRORS_MAX: Final = 5
_CHUNK: Final = 900


@dataclass(frozen=True, slots=True)
class AddressError:
    """One failed attempt that counts against the address."""

    address: str
    failure: FailureType | None
    reason: Reason
    text: str
    delivery_id: int
    at: float


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address with errors, as the table holds it."""

    address: str
    status: str
    errors: int
    reason: Reason
    text: str
    delivery_id: int
    counted_at: float


def count_errors(tx: Tx, errors: Sequence[AddressError]) -> None:
    """Count failures against their addresses and quarantine those that have had enough."""
    if not errors:
        return
    known = _locked(tx, errors)
    changed: dict[str, dict[str, Any]] = {}
    for each in errors:
        before = known.get(each.address)
        after = _counted(before, each)
        if after is not None:
            known[each.address] = after
            changed[each.address] = {
                "address": after.address,
                "status": after.status,
                "errors": after.errors,
                "reason": int(after.reason),
                "text": after.text,
                "delivery_id": after.delivery_id,
                "counted_at": after.counted_at,
            }
    tx.dialect.put(tx.connection, tables.address, list(changed.values()))
    quarantined = [row for row in changed.values() if row["status"] == QUARANTINED]
    rollups.add_quarantined(tx, (row["delivery_id"] for row in quarantined))


def _counted(before: KnownAddress | None, error: AddressError) -> KnownAddress | None:
    """The address after the error, or None when the error does not count."""
    if before is not None and before.status == QUARANTINED:
        return None
    errors = 0 if before is None or error.at - before.counted_at > RESET_AFTER_S else before.errors
    if error.failure is FailureType.HARD:
        status = QUARANTINED
    else:
        if before is not None and error.at - before.counted_at < SIGNIFICANT_GAP_S:
            return None
        status = QUARANTINED if errors + 1 > SOFT_ERRORS_MAX else WITH_ERRORS
    return KnownAddress(
        error.address, status, errors + 1, error.reason, error.text, error.delivery_id, error.at
    )


def _locked(tx: Tx, errors: Sequence[AddressError]) -> dict[str, KnownAddress]:
    """The addresses as they stand, new ones with no error, and nobody else's until commit.

    Two workers that both found no row would otherwise write over each other's count.
    """
    first = {each.address: each for each in reversed(errors)}
    tx.dialect.put_missing(
        tx.connection,
        tables.address,
        [
            {
                "address": each.address,
                "status": WITH_ERRORS,
                "errors": 0,
                "reason": int(each.reason),
                "text": each.text,
                "delivery_id": each.delivery_id,
                "counted_at": each.at - 2 * RESET_AFTER_S,  # long ago: the first error counts
            }
            for each in first.values()
        ],
    )
    return _known(tx, sorted(first))


def _known(tx: Tx, addresses: Sequence[str]) -> dict[str, KnownAddress]:
    found: dict[str, KnownAddress] = {}
    for start in range(0, len(addresses), _CHUNK):
        query = select(tables.address).where(
            tables.address.c.address.in_(addresses[start : start + _CHUNK])
        )
        query = query.order_by(tables.address.c.address).with_for_update()
        for row in tx.connection.execute(query):
            found[row.address] = _from_row(row)
    return found


def _from_row(row: Row[Any]) -> KnownAddress:
    return KnownAddress(
        row.address,
        row.status,
        row.errors,
        Reason(row.reason),
        row.text,
        row.delivery_id,
        row.counted_at,
    )


def find(tx: Tx, *, status: str | None = None, limit: int = 200) -> list[KnownAddress]:
    """Addresses with errors, the newest first."""
    query = select(tables.address).order_by(tables.address.c.counted_at.desc()).limit(limit)
    if status is not None:
        query = query.where(tables.address.c.status == status)
    return [_from_row(row) for row in tx.connection.execute(query)]
