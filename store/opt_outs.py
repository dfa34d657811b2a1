"""Addresses whose owners unsubscribed: nothing is sent to them any more."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from mail.reason import Reason
from store import tables
from store.engine import Tx

DENYLISTED: Final = "denylisted"  # a status of an address


class OptOut(NamedTuple):
    """Where and when an address was unsubscribed."""

    delivery_id: int
    at: float


def deny(tx: Tx, opt_outs: Mapping[str, OptOut]) -> None:
    """Denylist addresses; one that is quarantined is denylisted from now on."""
    rows = [
        {
            "address": address,
            "status": DENYLISTED,
            "errors": 0,
            "reason": int(Reason.DENYLISTED),
            "text": "unsubscribed",
            "delivery_id": each.delivery_id,
            "counted_at": each.at,
        }
        for address, each in opt_outs.items()
    ]
    tx.dialect.put(tx.connection, tables.address, rows)
