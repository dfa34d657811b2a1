"""A delivery as a JSON value."""

from collections import Counter
from typing import Any

from mail.states import MessageStatus
from monitor.reports.tally import Tally
from store.deliveries import Delivery


def rates(delivery: Delivery) -> tuple[float, float]:
    """What was processed and what was sent, of 1: shares of the messages to deliver."""
    found = Tally(Counter({MessageStatus(name): each for name, each in delivery.counts.items()}))
    return found.rate(found.processed), found.rate(found.success)


def as_json(delivery: Delivery) -> dict[str, Any]:
    """The shape of a delivery in ``docs/json.md``."""
    return {
        "delivery": delivery.id,
        "label": delivery.label,
        "status": delivery.status,
        "affinity": delivery.affinity,
        "priority": delivery.priority,
        "part_size": delivery.part_size,
        "submitted_at": delivery.submitted_at,
        "contact_at": delivery.contact_at,
        "expires_at": delivery.expires_at,
        "started_at": delivery.started_at,
        "finished_at": delivery.finished_at,
        "open_until": delivery.open_until,
        "messages": delivery.messages,
        "counts": {str(each): delivery.counts.get(each, 0) for each in MessageStatus},
        "processed_rate": rates(delivery)[0],
        "success_rate": rates(delivery)[1],
    }
