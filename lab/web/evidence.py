"""What a gate goes by, in words for people: times as times, and nothing of what is not so."""

from collections.abc import Mapping
from typing import Any

from lab.web.rendering import moment


def said(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, in the order in which the gate gives them."""
    return [
        (name.replace("_", " "), _said(name, value))
        for name, value in evidence.items()
        if value not in (None, "", (), [], {})
    ]


def _said(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(
            f"{key.replace('_', ' ')}: {_said(key, each)}"
            for key, each in value.items()
            if each is not None
        )
    if isinstance(value, list | tuple):
        return ", ".join(_said(name, each) for each in value)
    if isinstance(value, float):
        return moment(value) if name.endswith(("_at", "until", "since")) else f"{value:g}"
    return str(value)
