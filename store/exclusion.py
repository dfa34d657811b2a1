"""Leaving out messages to addresses that nothing is sent to."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, select

from mail.address_status import AddressStatus
from mail.reason import Reason
from mail.states import MessageEvent, MessageStatus
from store import addresses, part_size, tables, transitions
from store.engine import Tx

TEXTS: Final = {
    AddressStatus.QUARANTINED: "the address is in quarantine",
    AddressStatus.DENYLISTED: "the address is on the denylist",
}
_CHUNK: Final = 900


def exclude(
    tx: Tx, delivery_id: int, status: AddressStatus, at: float, wave: int | None = None
) -> int:
    """Leave out what a delivery, or a wave of it, has pending to addresses of a status.

    None of it may be in a worker's hand. Returns how many; parts keep their sizes.
    """
    if not addresses.is_any(tx, status):
        return 0
    message, address = tables.message, tables.address
    known = (
        select(message.c.id)
        .join(address, address.c.address == message.c.address)
        .where(
            message.c.delivery_id == delivery_id,
            message.c.status == MessageStatus.PENDING,
            address.c.status == str(status),
        )
        .with_for_update(of=message)
    )
    if wave is not None:
        known = known.where(message.c.wave == wave)
    return apply(tx, delivery_id, known, at, addresses.UNWANTED[status], TEXTS[status])


def exclude_denylisted(tx: Tx, delivery_id: int, at: float, wave: int | None = None) -> int:
    """Leave out whose owner said no since the analysis; for what is about to begin."""
    found = exclude(tx, delivery_id, AddressStatus.DENYLISTED, at, wave)
    if found:
        part_size.recount(tx, delivery_id)
    return found


def apply(
    tx: Tx, delivery_id: int, chosen: Select[Any], at: float, reason: Reason, text: str
) -> int:
    """Leave out the messages of a delivery, all of them pending, that a query finds."""
    excluded = [
        transitions.Standing(each, delivery_id, MessageStatus.PENDING, 0)
        for each in sorted(tx.connection.execute(chosen).scalars())
    ]
    return transitions.apply(tx, excluded, MessageEvent.EXCLUDED, at, reason=reason, text=text)


def is_any_denylisted(tx: Tx, message_ids: Sequence[int]) -> bool:
    """Whether ``exclude_due`` would leave out any of these messages."""
    return bool(_denylisted_among(tx, message_ids))


def _denylisted_among(tx: Tx, message_ids: Sequence[int]) -> list[transitions.Standing]:
    """Those of the pending messages in no part whose address is on the denylist by now."""
    if not addresses.is_any(tx, AddressStatus.DENYLISTED):
        return []
    message, address = tables.message, tables.address
    found: list[transitions.Standing] = []
    for start in range(0, len(message_ids), _CHUNK):
        query = (
            select(message.c.id, message.c.delivery_id, message.c.attempts)
            .join(address, address.c.address == message.c.address)
            .where(
                message.c.id.in_(message_ids[start : start + _CHUNK]),
                message.c.status == MessageStatus.PENDING,
                message.c.part_id.is_(None),
                address.c.status == str(AddressStatus.DENYLISTED),
            )
            .order_by(message.c.id)
            .with_for_update(of=message)
        )
        found += [
            transitions.Standing(row.id, row.delivery_id, MessageStatus.PENDING, row.attempts)
            for row in tx.connection.execute(query)
        ]
    return found


def exclude_due(tx: Tx, message_ids: Sequence[int], at: float) -> int:
    """Leave out what waits for a retry to an address that was denylisted meanwhile."""
    found = _denylisted_among(tx, message_ids)
    status = AddressStatus.DENYLISTED
    return transitions.apply(
        tx, found, MessageEvent.EXCLUDED, at, reason=addresses.UNWANTED[status], text=TEXTS[status]
    )
