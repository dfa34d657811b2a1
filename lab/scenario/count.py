"""How many are expected: a number, or a range of numbers."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_RANGE: Final = re.compile(r"^(?:(\d+)-(\d+)|>=\s*(\d+)|<=\s*(\d+))$")


@dataclass(frozen=True, slots=True)
class Bounds:
    """At least ``low`` and at most ``high``; None: as many as you like."""

    low: int
    high: int | None

    def hold(self, count: int) -> bool:
        return count >= self.low and (self.high is None or count <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        return f">={self.low}" if self.high is None else f"{self.low}-{self.high}"


def _bounds(value: Any) -> Bounds:
    if isinstance(value, Bounds):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Bounds(value, value)
    found = _RANGE.match(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected a number, or a range such as "40-60", ">=1" or "<=5"')
    low, high, least, most = found.groups()
    if least is not None:
        return Bounds(int(least), None)
    if most is not None:
        return Bounds(0, int(most))
    return Bounds(int(low), int(high))


_JSON_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _RANGE.pattern}]
}

Count = Annotated[
    Bounds,
    BeforeValidator(_bounds),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": _RANGE.pattern},
            ]
        }
    ),
]
