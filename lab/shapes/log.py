"""A line of the log as a JSON value."""

from typing import Any

from store import log


def as_json(each: log.Message | log.Transition) -> dict[str, Any]:
    """The shape of a line in ``docs/json.md``."""
    names = each.__slots__
    values = {name: getattr(each, name) for name in names}
    values["reason"] = None if each.reason is None else each.reason.label
    return values
