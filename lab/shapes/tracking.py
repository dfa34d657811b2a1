"""An entry of the tracking log as a JSON value."""

from typing import Any

from store.tracking_search import Entry


def as_json(entry: Entry) -> dict[str, Any]:
    """The shape of a line in ``docs/json.md``."""
    values = {name: getattr(entry, name) for name in entry.__slots__}
    return {**values, "kind": entry.kind.label}
