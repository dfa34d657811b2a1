"""How long things take: percentiles of every single value, not of a sample or of averages."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds. Half of all values are at most ``p50``, 99 of a hundred at most ``p99``."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Latency | None":
        """That of all these values, exactly (nearest rank); None of none."""
        ranked = sorted(seconds)
        if not ranked:
            return None

        def rank(share: float) -> float:
            return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000, 3)

        return cls(len(ranked), rank(0.5), rank(0.9), rank(0.99), rank(1.0))
