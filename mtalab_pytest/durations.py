"""Durations as tests write them: "90s", "5m", "1h", seconds, or a timedelta."""

import re
from datetime import timedelta
from typing import Final

from mtalab_pytest.errors import LabError, is_told

__tracebackhide__ = is_told

Duration = str | float | timedelta
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TEXT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")


def seconds(duration: Duration) -> float:
    """A duration in seconds, as mtalab reads it.

    Raises:
        LabError: it is none.
    """
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, str):
        found = _TEXT.fullmatch(duration)
        if found is None:
            raise LabError(
                f"expected a duration such as 500ms, 10s, 5m, 1h or 5d, got {duration!r}",
                name="BadRequest",
            )
        return float(found[1]) * _UNITS[found[2]]
    return float(duration)
