"""How large the parts of a delivery are."""

from typing import Final

from affinity.configuration import Pace

# The modelled system cuts a delivery into about this many parts and does not say how it rounds;
# we round down, so that a delivery never has fewer.
_PARTS: Final = 1024


def part_size(messages: int, pace: Pace) -> int:
    """Messages per part: a 1,024th of the delivery, within ``part_min`` and ``part_max``.

    Where the two contradict each other ``part_max`` holds: it protects everybody else's turn.
    """
    return min(max(messages // _PARTS, pace.part_min), pace.part_max)
