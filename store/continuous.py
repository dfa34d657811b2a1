"""Deliveries that stay open: what applications submit joins one of its label and affinity.

A campaign has one source and all its recipients at once. What an application sends comes message
by message, each with a content of its own; as deliveries of one message each they would be a
thousand lines where a person looks for one, and a thousand queues where there is one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, select

from mail.states import DeliveryEvent, DeliveryStatus, MessageEvent, MessageStatus
from store import addresses, contents, deliveries, exclusion, parts, rollups, tables, transitions
from store.engine import Tx
from world.crash import reach

SOURCE: Final = "(submitted by SMTP)"
_PART_BYTES: Final = 16 * 1024 * 1024  # a worker has all contents of its parts in memory
_CHUNK: Final = 900
_JOINABLE: Final = (*deliveries.ACTIVE, DeliveryStatus.PAUSED)

Plan = Callable[[str, str], tuple[str, tuple[str, ...]]]  # as affinity.plan has it


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of a letter's; the domain is in canonical form."""

    address: str
    domain: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One submitted message for all its recipients."""

    label: str
    affinity: str
    content: contents.Content
    recipients: Sequence[Recipient]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all letters; times in seconds."""

    validity_s: float
    open_s: float  # how long a delivery takes more messages
    part_size: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Where a letter went: its messages are numbered from ``first_message``."""

    delivery_id: int
    first_message: int


def append(tx: Tx, letters: Sequence[Letter], plan: Plan, terms: Terms, at: float) -> list[Joined]:
    """Store letters, due at once; returns for each where it went, in order.

    Validity is the delivery's, and each letter that joins extends it: a message is valid for
    ``validity_s``, and up to ``open_s`` longer.
    """
    joined: dict[int, Joined] = {}
    streams: dict[tuple[str, str], list[int]] = {}
    for place, letter in enumerate(letters):
        streams.setdefault((letter.label, letter.affinity), []).append(place)
    for (label, affinity), places in sorted(streams.items()):
        delivery_id = _open_delivery(tx, label, affinity, terms, at)
        mine = [letters[place] for place in places]
        firsts = _add(tx, delivery_id, mine, plan, terms, at)
        for place, first in zip(places, firsts, strict=True):
            joined[place] = Joined(delivery_id, first)
    reach("submission.storing")
    return [joined[place] for place in range(len(letters))]


def _open_delivery(tx: Tx, label: str, affinity: str, terms: Terms, at: float) -> int:
    """The delivery that takes messages of this label now, locked; a new one if there is none."""
    table = tables.delivery
    found = tx.connection.scalar(
        select(table.c.id)
        .where(
            table.c.status.in_(_JOINABLE),
            table.c.open_until > at,
            table.c.label == label,
            table.c.affinity == affinity,
        )
        .order_by(table.c.id.desc())
        .limit(1)
        .with_for_update()
    )
    if found is not None:
        return int(found)
    delivery_id = deliveries.create(
        tx,
        deliveries.NewDelivery(
            label=label,
            affinity=affinity,
            priority=0,
            part_size=terms.part_size,
            submitted_at=at,
            contact_at=at,
            expires_at=at + terms.validity_s,
            source_file=SOURCE,
            source=b"",
            open_until=at + terms.open_s,
        ),
    )
    deliveries.advance(tx, delivery_id, DeliveryEvent.ANALYSED, at)
    why = "open for what applications submit"
    deliveries.advance(tx, delivery_id, DeliveryEvent.CONFIRMED, at, why)
    return delivery_id


def _add(
    tx: Tx, delivery_id: int, letters: Sequence[Letter], plan: Plan, terms: Terms, at: float
) -> list[int]:
    """Add letters to a delivery; returns the number of each one's first message."""
    table = tables.delivery
    count = sum(len(each.recipients) for each in letters)
    until = at + terms.validity_s
    tx.connection.execute(
        table.update()
        .where(table.c.id == delivery_id)
        .values(
            messages=table.c.messages + count,
            expires_at=case((table.c.expires_at > until, table.c.expires_at), else_=until),
        )
    )
    plans = _plans(tx, delivery_id, letters, plan)
    unwanted = addresses.unwanted(tx, {r.address for each in letters for r in each.recipients})
    cutting = _Cutting(tx, delivery_id, terms.part_size, at)
    rows: list[dict[str, Any]] = []
    for letter in letters:
        content_id = contents.keep(tx, letter.content, at)
        for each in letter.recipients:
            way = plans[each.domain]
            is_out = each.address in unwanted
            part_id = None if is_out else cutting.part_for(way, len(letter.content.content))
            rows.append(
                {
                    "delivery_id": delivery_id,
                    "address": each.address,
                    "domain": each.domain,
                    "mx_group": way[0],
                    "fields": "{}",
                    "status": str(MessageStatus.PENDING),
                    "attempts": 0,
                    "part_id": part_id,
                    "content_id": content_id,
                    "changed_at": at,
                }
            )
    cutting.count()
    message = tables.message
    ids = list(
        tx.connection.execute(
            message.insert().returning(message.c.id, sort_by_parameter_order=True), rows
        ).scalars()
    )
    rollups.add_pending(tx, delivery_id, count)
    for status, reason in addresses.UNWANTED.items():
        out = [
            transitions.Standing(number, delivery_id, MessageStatus.PENDING, 0)
            for number, row in zip(ids, rows, strict=True)
            if unwanted.get(row["address"]) is reason
        ]
        transitions.apply(
            tx, out, MessageEvent.EXCLUDED, at, reason=reason, text=exclusion.TEXTS[status]
        )
    firsts, place = [], 0
    for letter in letters:
        firsts.append(ids[place])
        place += len(letter.recipients)
    return firsts


class _Cutting:
    """Parts for messages as they come, within their bounds."""

    def __init__(self, tx: Tx, delivery_id: int, size: int, at: float) -> None:
        self._tx, self._delivery_id, self._size, self._at = tx, delivery_id, size, at
        self._open: dict[tuple[str, tuple[str, ...]], int] = {}
        self._messages: dict[int, int] = {}
        self._bytes: dict[int, int] = {}

    def part_for(self, way: tuple[str, tuple[str, ...]], size_bytes: int) -> int:
        """The part that a message of this way and size joins."""
        part_id = self._open.get(way)
        if (
            part_id is None
            or self._messages[part_id] >= self._size
            or self._bytes[part_id] + size_bytes > _PART_BYTES
        ):
            part_id = self._open[way] = parts.insert(
                self._tx, [parts.Made(self._delivery_id, *way, 0)], self._at
            )[0]
            self._messages[part_id] = self._bytes[part_id] = 0
        self._messages[part_id] += 1
        self._bytes[part_id] += size_bytes
        return part_id

    def count(self) -> None:
        """Write how large each part became."""
        part = tables.part
        for part_id, messages in self._messages.items():
            self._tx.connection.execute(
                part.update().where(part.c.id == part_id).values(size=messages)
            )


def _plans(
    tx: Tx, delivery_id: int, letters: Sequence[Letter], plan: Plan
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The plan of each domain, as the store has it; those that it has not yet are ours."""
    counts: dict[str, int] = {}
    for letter in letters:
        for each in letter.recipients:
            counts[each.domain] = counts.get(each.domain, 0) + 1
    affinity = letters[0].affinity
    table = tables.delivery_domain
    rows = []
    for domain, messages in sorted(counts.items()):
        group, source_ips = plan(affinity, domain)
        rows.append(
            {
                "delivery_id": delivery_id,
                "domain": domain,
                "mx_group": group,
                "source_ips": parts.join_ips(source_ips),
                "messages": messages,
            }
        )
    tx.dialect.add_up(tx.connection, table, rows, ["messages"])  # which locks them, old and new
    domains = sorted(counts)
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for start in range(0, len(domains), _CHUNK):
        query = select(table).where(
            table.c.delivery_id == delivery_id, table.c.domain.in_(domains[start : start + _CHUNK])
        )
        for row in tx.connection.execute(query):
            found[row.domain] = (row.mx_group, parts.split_ips(row.source_ips))
    return found
