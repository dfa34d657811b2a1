"""What a request says: events as JSON, the same bytes each time it is made."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from lab.webhook_names import MESSAGE, TRACKING
from mail.states import MessageEvent
from monitor.events import record
from store.log import Event
from store.webhooks import Cursor, Letter, TrackingEvent, Webhook

BATCH: Final = "events"  # the type of a request


def letter_of(
    webhook: Webhook,
    until: Cursor,
    messages: Sequence[Event],
    tracking: Sequence[TrackingEvent],
    domain: str,
) -> Letter:
    """The request for these events, of which ``until`` is the end; at least one.

    Its id follows from the webhook and the end, so that it is the same after a restart.
    """
    events = [
        *(_of_message(each, domain) for each in messages),
        *(_of_tracking(each) for each in tracking),
    ]
    newest = max(*(each.transition.at for each in messages), *(each.at for each in tracking), 0.0)
    body = {"type": BATCH, "timestamp": moment(newest), "data": events}
    message = f"msg_{webhook.salt}-{until.transition_id}-{until.tracking_id}"
    return Letter(message, orjson.dumps(body).decode(), len(events))


def moment(at: float) -> str:
    """An instant as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _of_message(event: Event, domain: str) -> dict[str, Any]:
    change = event.transition
    return {
        "id": f"transition-{change.id}",
        "type": MESSAGE[MessageEvent(change.event)],
        "timestamp": moment(change.at),
        "data": record(event, domain),
    }


def _of_tracking(event: TrackingEvent) -> dict[str, Any]:
    return {
        "id": f"tracking-{event.id}",
        "type": TRACKING[event.kind],
        "timestamp": moment(event.at),
        "data": {
            "id": str(event.message_id),
            "recipient": event.address,
            "url": event.url,
            "label": event.label,
            "user_agent": event.agent,
            "ip_address": event.ip,
            "machine": event.machine,
            "page": event.page,
            "amount": event.amount,
            "articles": event.articles,
            "meta": {"delivery": event.delivery_id},
            "seq": event.id,
        },
    }
