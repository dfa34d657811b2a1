"""An audit entry as a JSON value."""

from typing import Any

from store import audit


def as_json(entry: audit.AuditEntry) -> dict[str, Any]:
    """The shape of an entry in ``docs/json.md``."""
    return {
        "at": entry.at,
        "delivery_id": entry.delivery_id,
        "level": entry.level,
        "text": entry.text,
    }
