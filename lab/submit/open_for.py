"""How long a delivery that applications submit to takes messages."""

from typing import Final

SHORTEST_OPEN_S: Final = 60.0
LONGEST_OPEN_S: Final = 86_400.0
_OPEN_SHARE: Final = 0.05  # of the validity: messages may live this much longer


def open_s(validity_s: float) -> float:
    """A twentieth of the validity, a minute to a day."""
    return min(LONGEST_OPEN_S, max(SHORTEST_OPEN_S, validity_s * _OPEN_SHARE))
