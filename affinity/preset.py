"""The numbers that hold where the file has none: ours, or those of the system we model.

Ours are the defaults of each key. The other preset names only what differs, as the file would. Its
values are documented for Adobe Campaign Classic v7: in "Steps for sending" (retries, validity,
message batch quantity), "Technical email configurations" (five-minute slots) and "The server
configuration file" (maxAgeSec, maxWaitingMessages).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

PresetName = Literal["mtalab", "campaign"]
Pacing = Literal["even", "slots"]

_HOUR, _DAY = 3600.0, 86400.0

PRESETS: Final[Mapping[PresetName, Mapping[str, Any]]] = MappingProxyType(
    {
        "mtalab": {},
        "campaign": {
            "retry": {"delays": (*[_HOUR] * 5, _DAY), "jitter": 0.0},
            "validity": 5 * _DAY,
            "scheduler": {
                "part_min": 8,
                "part_max": 256,
                "hold": 600.0,
                "lane_window": 2000,
                "max_deliveries": 10,
            },
            "breaker": {"enabled": True},
        },
    }
)

PACING: Final[Mapping[PresetName, Pacing]] = MappingProxyType(
    {"mtalab": "even", "campaign": "slots"}
)


def with_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file with those of its preset wherever it says nothing itself."""
    name = values.get("preset")
    chosen = PRESETS.get(name, {}) if isinstance(name, str) else {}  # type: ignore[call-overload]
    found = dict(values)
    for key, preset in chosen.items():
        own = values.get(key)
        if own is None:
            found[key] = preset
        elif isinstance(preset, Mapping) and isinstance(own, Mapping):
            found[key] = {**preset, **own}
    return found
