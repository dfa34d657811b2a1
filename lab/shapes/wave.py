"""A wave as a JSON value."""

from typing import Any

from store import waves


def as_json(wave: waves.StoredWave) -> dict[str, Any]:
    """The shape of a wave in ``docs/json.md``."""
    return {
        "delivery": wave.delivery_id,
        "wave": wave.wave,
        "messages": wave.messages,
        "starts_at": wave.starts_at,
        "started_at": wave.started_at,
    }
