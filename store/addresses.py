"""Addresses with errors, and those that somebody decided about.

What an error or a delivery makes of an address is ``affinity/address_life.py``; here it is written,
with nobody else's word between reading and writing.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, and_, exists, or_, select

from affinity.address_life import Error, Life, after_delivery, after_error
from affinity.configuration import AddressRules
from mail.address_status import AddressStatus
from mail.reason import FailureType, Reason
from store import rollups, tables
from store.engine import Tx

DEFAULT_RULES: Final = AddressRules()
UNWANTED: Final = {  # not sent to, and the reason under which their messages are left out
    AddressStatus.QUARANTINED: Reason.QUARANTINED,
    AddressStatus.DENYLISTED: Reason.DENYLISTED,
}
_CHUNK: Final = 900
_LONG_BEFORE_S: Final = 10 * 365 * 86_400.0


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
class Delivered:
    """A message that was accepted for the address."""

    address: str


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address as the table holds it; ``delivery_id`` 0: no delivery had to do with it."""

    address: str
    status: AddressStatus
    errors: int
    reason: Reason
    text: str
    delivery_id: int
    counted_at: float


def count_errors(
    tx: Tx, errors: Sequence[AddressError], rules: AddressRules = DEFAULT_RULES
) -> None:
    """Count failures against their addresses and quarantine those that have had enough."""
    hear(tx, errors, rules)


def hear(
    tx: Tx, heard: Sequence[AddressError | Delivered], rules: AddressRules = DEFAULT_RULES
) -> None:
    """Follow what happened to addresses, in its order.

    Deliveries are followed only where errors are known: nearly all are of addresses without any.
    """
    errors = [each for each in heard if isinstance(each, AddressError)]
    if not errors and not are_deliveries_news(tx, rules):
        return
    known = _locked(tx, errors, {each.address for each in heard})
    before = dict(known)
    for each in heard:
        now = known.get(each.address)
        if isinstance(each, Delivered):
            if now is not None and after_delivery(_life(now), rules) is None:
                del known[each.address]
            continue
        life = None if now is None else _life(now)
        after = after_error(life, Error(each.failure, each.reason, each.at), rules)
        if after is not None:
            known[each.address] = KnownAddress(
                each.address, *after[:3], each.text, each.delivery_id, after.counted_at
            )
    changed = [each for each in known.values() if before.get(each.address) != each]
    put(tx, changed)
    quarantined = [each for each in changed if each.status is AddressStatus.QUARANTINED]
    rollups.add_quarantined(tx, (each.delivery_id for each in quarantined))
    _forget(tx, [*(before.keys() - known.keys()), *_blank(known)])


def are_deliveries_news(tx: Tx, rules: AddressRules) -> bool:
    """Whether a delivery may make a difference to any address."""
    return rules.success_releases and is_any(tx, AddressStatus.WITH_ERRORS)


def _life(known: KnownAddress) -> Life:
    return Life(known.status, known.errors, known.reason, known.counted_at)


def _blank(known: dict[str, KnownAddress]) -> list[str]:
    """Rows that were made to be locked, of which no error counted after all."""
    return [each.address for each in known.values() if _is_blank(each)]


def _is_blank(known: KnownAddress) -> bool:
    return known.status is AddressStatus.WITH_ERRORS and known.errors == 0


def _locked(
    tx: Tx, errors: Sequence[AddressError], heard: Collection[str]
) -> dict[str, KnownAddress]:
    """Those that are known, new ones of ``errors`` with none, and nobody else's until commit.

    Two workers that both found no row would otherwise write over each other's count.
    """
    first = {each.address: each for each in reversed(errors)}
    tx.dialect.put_missing(
        tx.connection,
        tables.address,
        [
            {
                "address": each.address,
                "status": str(AddressStatus.WITH_ERRORS),
                "errors": 0,
                "reason": int(each.reason),
                "text": each.text,
                "delivery_id": each.delivery_id,
                "counted_at": each.at - _LONG_BEFORE_S,  # the first error counts
            }
            for each in first.values()
        ],
    )
    return {row.address: known_from(row) for row in _rows(tx, heard, is_locking=True)}


def _rows(tx: Tx, addresses: Collection[str], *, is_locking: bool = False) -> Iterator[Row[Any]]:
    """In the order of their addresses, so that two writers lock them in the same."""
    ordered = sorted(addresses)
    table = tables.address
    for start in range(0, len(ordered), _CHUNK):
        query = select(table).where(table.c.address.in_(ordered[start : start + _CHUNK]))
        if is_locking:
            query = query.order_by(table.c.address).with_for_update()
        yield from tx.connection.execute(query)


def known_from(row: Row[Any]) -> KnownAddress:
    """An address as its row has it."""
    return KnownAddress(
        row.address,
        AddressStatus(row.status),
        row.errors,
        Reason(row.reason),
        row.text,
        row.delivery_id,
        row.counted_at,
    )


def known(tx: Tx, address: str) -> KnownAddress | None:
    """What is known of an address; None: nothing, as of most."""
    for row in _rows(tx, (address,)):
        return known_from(row)
    return None


def put(tx: Tx, known: Sequence[KnownAddress]) -> None:
    """Write addresses as they are given, whatever they were."""
    tx.dialect.put(
        tx.connection,
        tables.address,
        [
            {
                "address": each.address,
                "status": str(each.status),
                "errors": each.errors,
                "reason": int(each.reason),
                "text": each.text,
                "delivery_id": each.delivery_id,
                "counted_at": each.counted_at,
            }
            for each in known
        ],
    )


def _forget(tx: Tx, addresses: Collection[str]) -> None:
    ordered = sorted(addresses)
    table = tables.address
    for start in range(0, len(ordered), _CHUNK):
        chosen = table.c.address.in_(ordered[start : start + _CHUNK])
        tx.connection.execute(table.delete().where(chosen))


_IS_ANY: Final = {
    status: select(exists().where(tables.address.c.status == str(status)))
    for status in AddressStatus
}


def is_any(tx: Tx, *statuses: AddressStatus) -> bool:
    """Whether any address has one of these statuses; a look at an index."""
    return any(tx.connection.scalar(_IS_ANY[each]) for each in statuses)


def having(
    tx: Tx, addresses: Collection[str], *statuses: AddressStatus
) -> dict[str, AddressStatus]:
    """Those of the addresses that have one of these statuses; costs little where none has."""
    if not addresses or not is_any(tx, *statuses):
        return {}
    found = {row.address: AddressStatus(row.status) for row in _rows(tx, addresses)}
    return {address: status for address, status in found.items() if status in statuses}


def unwanted(tx: Tx, addresses: Collection[str]) -> dict[str, Reason]:
    """Those to which nothing is sent, and the reason for it."""
    found = having(tx, addresses, *UNWANTED)
    return {address: UNWANTED[status] for address, status in found.items()}


def decide(
    tx: Tx,
    addresses: Collection[str],
    status: AddressStatus,
    at: float,
    because: str,
    delivery_id: int = 0,
) -> int:
    """Give addresses a status, known or not; returns how many did not have it.

    Args:
        tx: the transaction.
        addresses: each with its domain in canonical form; the local part counts case and all.
        status: valid, denylisted, quarantined or allowlisted.
        at: epoch seconds.
        because: in words: a complaint, an unsubscription, an operator.
        delivery_id: the delivery that had to do with it; 0: none.
    """
    known = {row.address: known_from(row) for row in _rows(tx, addresses, is_locking=True)}
    wanted = sorted(set(addresses))
    changed = [each for each in wanted if each not in known or known[each].status is not status]
    reason = UNWANTED.get(status, Reason.NOT_DEFINED)
    put(
        tx,
        [KnownAddress(each, status, 0, reason, because, delivery_id, at) for each in changed],
    )
    return len(changed)


def denylist(
    tx: Tx, addresses: Collection[str], at: float, because: str, delivery_id: int = 0
) -> int:
    """Never send to these again: their owners do not want it; returns how many are new to it."""
    return decide(tx, addresses, AddressStatus.DENYLISTED, at, because, delivery_id)


def is_any_due(tx: Tx, now: float, rules: AddressRules) -> bool:
    """Whether ``release_due`` would forget the errors of any address."""
    table = tables.address
    return bool(
        tx.connection.scalar(select(exists(select(table.c.address).where(_due(now, rules)))))
    )


def release_due(tx: Tx, now: float, rules: AddressRules, limit: int = 5000) -> int:
    """Forget the errors of addresses that have been quiet for long enough; returns how many.

    What is quarantined, denylisted, allowlisted or valid stays so.
    """
    table = tables.address
    query = select(table.c.address).where(_due(now, rules)).order_by(table.c.address).limit(limit)
    found = list(tx.connection.execute(query.with_for_update()).scalars())
    _forget(tx, found)
    return len(found)


def _due(now: float, rules: AddressRules) -> Any:
    table = tables.address
    is_full = table.c.reason == int(Reason.MAILBOX_FULL)
    return and_(
        table.c.status == str(AddressStatus.WITH_ERRORS),
        or_(
            and_(is_full, table.c.counted_at < now - rules.mailbox_full_after),
            and_(~is_full, table.c.counted_at < now - rules.reset_after),
        ),
    )
