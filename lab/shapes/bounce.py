"""A mail that came back as a JSON value."""

from typing import Any

from store import inbound_log


def as_json(inbound: inbound_log.Inbound) -> dict[str, Any]:
    """The shape of a mail that came back in ``docs/json.md``."""
    return {
        "id": inbound.id,
        "received_at": inbound.received_at,
        "recipient": inbound.recipient,
        "sender": inbound.sender,
        "kind": inbound.kind,
        "subject": inbound.subject,
        "delivery": inbound.delivery_id,
        "message": inbound.message_id,
        "address": inbound.address,
        "matched_by": inbound.matched_by,
        "effect": inbound.effect,
        "failure": inbound.failure,
        "reason": None if inbound.reason is None else inbound.reason.label,
        "code": inbound.code,
        "enhanced": inbound.enhanced,
        "rule": inbound.rule,
        "text": inbound.text,
        "qualification": inbound.qualification,
    }
