"""All that happened to some messages, with what their deliveries say of them. Read only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from store import ages, tables
from store.engine import Tx
from store.log import Transition, transition_from

_CHUNK: Final = 900  # below the number of variables that every SQLite build allows (999)


@dataclass(frozen=True, slots=True)
class Journey:
    """One message from its arrival; times in epoch seconds."""

    message_id: int
    delivery_id: int
    domain: str
    mx_group: str
    affinity: str
    label: str
    arrived_at: float
    contact_at: float  # nothing of the delivery goes before
    transitions: Sequence[Transition]  # the oldest first


def journeys(tx: Tx, message_ids: Collection[int]) -> list[Journey]:
    """The ways of messages by their numbers, as far as they are there."""
    wanted = sorted(set(message_ids))
    return [
        each
        for start in range(0, len(wanted), _CHUNK)
        for each in _some(tx, wanted[start : start + _CHUNK])
    ]


def _some(tx: Tx, ids: Sequence[int]) -> list[Journey]:
    message, delivery, changes = tables.message, tables.delivery, tables.transition
    found: dict[int, list[Transition]] = {each: [] for each in ids}
    query = (
        select(changes, message.c.address)
        .join(message, message.c.id == changes.c.message_id)
        .where(changes.c.message_id.in_(ids))
        .order_by(changes.c.id)
    )
    for row in tx.connection.execute(query):
        found[row.message_id].append(transition_from(row))
    standing = (
        select(
            message.c.id,
            message.c.delivery_id,
            message.c.domain,
            message.c.mx_group,
            delivery.c.affinity,
            delivery.c.label,
            ages.arrival().label("arrived_at"),
            delivery.c.contact_at,
        )
        .join(delivery, delivery.c.id == message.c.delivery_id)
        .where(message.c.id.in_(ids))
        .order_by(message.c.id)
    )
    return [
        Journey(
            row.id,
            row.delivery_id,
            row.domain,
            row.mx_group,
            row.affinity,
            row.label,
            row.arrived_at,
            row.contact_at,
            found[row.id],
        )
        for row in tx.connection.execute(standing)
    ]


def after(tx: Tx, after_id: int, up_to_id: int, limit: int) -> list[tuple[int, int]]:
    """The next transitions of the log: their numbers and those of their messages."""
    changes = tables.transition
    query = (
        select(changes.c.id, changes.c.message_id)
        .where(changes.c.id > after_id, changes.c.id <= up_to_id)
        .order_by(changes.c.id)
        .limit(limit)
    )
    return [(row.id, row.message_id) for row in tx.connection.execute(query)]


def of_delivery(tx: Tx, delivery_id: int, after_id: int, limit: int) -> list[int]:
    """Numbers of a delivery's messages, page by page."""
    message = tables.message
    query = (
        select(message.c.id)
        .where(message.c.delivery_id == delivery_id, message.c.id > after_id)
        .order_by(message.c.id)
        .limit(limit)
    )
    return list(tx.connection.execute(query).scalars())
