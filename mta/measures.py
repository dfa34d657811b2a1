"""What a worker tells of itself while somebody measures: where its time goes, what it did in vain.

A worker without measures keeps none: each place that would tell costs a comparison, and none is on
the way of every message but rendering.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Doing(StrEnum):
    """What a worker waits for while it does not compute."""

    REPLIES = "replies"  # a message is under way
    STORE = "store"  # so much is unwritten that nothing more is begun
    THROTTLE = "throttle"  # messages wait for a limiter, or for a host that is down
    IDLE = "idle"  # nothing is at hand


@dataclass(slots=True)
class Measures:
    """Counts and seconds since the worker began; the lists hold what is new since last taken."""

    rendering_s: float = 0.0
    connects_s: list[float] = field(default_factory=list)  # from the first packet to EHLO's reply
    records_s: list[float] = field(default_factory=list)  # from the answer to its commit
    seen: Counter[Doing] = field(default_factory=Counter)  # how often it was found doing this
    claims: int = 0
    claims_in_vain: int = 0  # they found nothing new
    rows_read: int = 0  # parts and messages, by claims
    pulls_in_vain: int = 0  # a connection was woken and had nothing to take
    given_back: int = 0  # messages that had no attempt
