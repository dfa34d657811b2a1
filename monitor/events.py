"""Transitions as events with KumoMTA's field names, for tools that read its logs.

Names and types of record are those of "Log Record" in KumoMTA's documentation; what it has no name
for has ours. A message that was not tried is never a ``TransientFailure``.
"""

from datetime import UTC, datetime
from typing import Any, Final

from mail.message_id import return_path
from mail.reason import Reason
from mail.states import MessageEvent
from store import log

TYPES: Final = {
    MessageEvent.ACCEPTED: "Delivery",
    MessageEvent.DEFERRED: "TransientFailure",
    MessageEvent.REFUSED: "Bounce",
    MessageEvent.EXCLUDED: "Rejection",
    MessageEvent.WITHDRAWN: "AdminBounce",
    MessageEvent.EXPIRED_UNTRIED: "Expiration",
    MessageEvent.EXPIRED_TRIED: "Expiration",
    MessageEvent.BOUNCED_LATER: "OOB",
    MessageEvent.RETRIED_BY_HAND: "AdminRebind",
}


def record(event: log.Event, domain: str) -> dict[str, Any]:
    """One event; ``domain`` is that of the lab's return paths. docs/json.md has the shape."""
    change = event.transition
    return {
        "type": "Feedback" if is_complaint(change) else TYPES[MessageEvent(change.event)],
        "id": str(change.message_id),
        "sender": return_path(domain, change.delivery_id, change.message_id),
        "recipient": change.address,
        "queue": change.address.rpartition("@")[2],
        "site": event.mx_group,
        "size": change.size_bytes,
        "response": _response(change),
        "timestamp": int(change.at),
        "event_time": _moment(change.at),
        "created": int(event.submitted_at),
        "created_time": _moment(event.submitted_at),
        "num_attempts": change.attempt,
        "bounce_classification": None if change.reason is None else change.reason.label,
        "egress_pool": event.affinity,
        "egress_source": change.source_ip,
        "source_address": None if change.source_ip is None else {"address": change.source_ip},
        "nodeid": None if change.mta is None else f"{change.mta}-{change.worker_id}",
        "meta": {"delivery": change.delivery_id, "label": event.label},
        "seq": change.id,
        "event": change.event,
        "from_status": change.from_status,
        "to_status": change.to_status,
        "failure": change.failure,
        "duration_ms": change.duration_ms,
        "next_attempt_at": change.next_attempt_at,
    }


def is_complaint(change: log.Transition) -> bool:
    """Whether it failed after it was sent since its recipient complained."""
    was_sent = change.event == MessageEvent.BOUNCED_LATER
    return was_sent and change.reason is Reason.DENYLISTED


def _response(change: log.Transition) -> dict[str, Any] | None:
    """The receiver's reply; None where nobody replied."""
    if change.code is None:
        return None
    enhanced = None
    if change.enhanced is not None:
        kind, subject, detail = (int(each) for each in change.enhanced.split("."))
        enhanced = {"class": kind, "subject": subject, "detail": detail}
    return {
        "code": change.code,
        "enhanced_code": enhanced,
        "content": change.text,
        "command": None,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
