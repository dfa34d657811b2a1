"""Cuts messages that are due again into parts: retries, and messages whose plan changed.

Messages of a new delivery are cut where they are written, by the same rule (``affinity.part``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A pending message that is in no part and may be tried now."""

    message_id: int
    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part to be queued; its messages in the order in which they became due."""

    delivery_id: int
    mx_group: str
    source_ips: tuple[str, ...]
    message_ids: tuple[int, ...]


def cut(due: Sequence[DueMessage], size_of: Mapping[int, int]) -> list[NewPart]:
    """Group by delivery, MX group and admitted source IPs; at most ``size_of`` messages a part.

    First come, first served: within a group messages keep their order, and parts come in the order
    of their first message, so that parts numbered in this order keep it in the queue.

    Args:
        due: in the order in which they became due.
        size_of: messages per part for each delivery among them.
    """
    batches: list[list[DueMessage]] = []
    filling: dict[tuple[int, str, tuple[str, ...]], list[DueMessage]] = {}
    for message in due:
        key = (message.delivery_id, message.mx_group, message.source_ips)
        batch = filling.get(key)
        if batch is None or len(batch) >= size_of[message.delivery_id]:
            batch = filling[key] = []
            batches.append(batch)
        batch.append(message)
    return [_part(batch) for batch in batches]


def _part(batch: Sequence[DueMessage]) -> NewPart:
    first = batch[0]
    return NewPart(
        delivery_id=first.delivery_id,
        mx_group=first.mx_group,
        source_ips=first.source_ips,
        message_ids=tuple(message.message_id for message in batch),
    )
