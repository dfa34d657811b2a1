"""What a word that somebody typed may mean: a few of each kind, the newest first."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mail.address import BadAddress, parse_address
from store import deliveries, log, tables
from store.deliveries import Delivery
from store.engine import Tx
from store.errors import UnknownMessage

FEW: Final = 20
_BIGGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Found:
    """What was found."""

    deliveries: list[Delivery]
    messages: list[log.Message]


def find(tx: Tx, word: str, few: int = FEW) -> Found:
    """Deliveries by number or a piece of their label, messages by number or address."""
    number = int(word) if word.isascii() and word.isdigit() else None
    if number is not None and not 0 < number <= _BIGGEST:
        number = None
    return Found(_deliveries(tx, word, number, few), _messages(tx, word, number, few))


def _deliveries(tx: Tx, word: str, number: int | None, few: int) -> list[Delivery]:
    table = tables.delivery
    has_word = func.lower(table.c.label).contains(word.lower(), autoescape=True)
    query = select(table.c.id).where(has_word).order_by(table.c.id.desc()).limit(few)
    ids = list(tx.connection.execute(query).scalars())
    if number is not None:
        ids.append(number)
    return deliveries.find(tx, ids=ids, limit=few) if ids else []


def _messages(tx: Tx, word: str, number: int | None, few: int) -> list[log.Message]:
    if number is not None:
        try:
            return [log.message(tx, number)[0]]
        except UnknownMessage:
            return []
    try:
        address = parse_address(word)
    except BadAddress:
        return []
    wanted = log.Filter(domain=address.domain, address=str(address))
    return log.messages(tx, wanted, limit=few, newest=True)[::-1]
