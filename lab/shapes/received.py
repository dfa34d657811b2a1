"""A received message as a JSON value."""

from typing import Any

from sinks.inbox import InboxEntry


def as_json(entry: InboxEntry) -> dict[str, Any]:
    receipt = entry.receipt
    return {
        "id": receipt.id,
        "time": receipt.time,
        "sink": receipt.sink,
        "peer_ip": receipt.peer_ip,
        "ehlo": receipt.ehlo,
        "tls": receipt.tls,
        "mail_from": receipt.mail_from,
        "rcpt_to": list(receipt.rcpt_to),
        "message_id": receipt.message_id,
        "from": entry.sender,
        "subject": entry.subject,
        "size": receipt.size,
        "sha256": receipt.sha256,
    }
