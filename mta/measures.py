"""What a worker tells of itself: always what it counts, while somebody measures where time goes.

What is always counted goes into its tally, by the names below. The rest, single values among it, is
kept only while somebody measures.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from store.tally import Tally


class Doing(StrEnum):
    """What a worker waits for while it does not compute."""

    REPLIES = "replies"  # a message is under way
    STORE = "store"  # so much is unwritten that nothing more is begun
    THROTTLE = "throttle"  # messages wait for a limiter, or for a host that is down
    IDLE = "idle"  # nothing is at hand


class Count(StrEnum):
    """What a worker counts."""

    CLAIMS = "claims"  # looks for newly leased parts, when something was committed
    CLAIMS_IN_VAIN = "claims_in_vain"  # they found nothing new
    ROWS_READ = "rows_read"  # parts and messages, by claims
    PULLS = "pulls"  # a connection asked for its next message
    PULLS_IN_VAIN = "pulls_in_vain"  # and there was none to take
    GIVEN_BACK = "given_back"  # messages that had no attempt


class Timed(StrEnum):
    """What a worker times; the steps of opening a connection are called as ``Stage`` has them."""

    MESSAGE = "message"  # from its first byte to its answer
    SETTLE = "store.settle"  # a group of outcomes is committed
    CLAIM = "store.claim"  # new parts and their messages are read
    BEAT = "store.beat"  # it says that it lives


@dataclass(slots=True)
class Measures:
    """Counts and seconds since the worker began; the lists hold what is new since last taken."""

    is_detailed: bool = False  # somebody takes what is below; otherwise it is not kept
    tally: Tally = field(default_factory=Tally)
    rendering_s: float = 0.0
    connects_s: list[float] = field(default_factory=list)  # from the first packet to EHLO's reply
    records_s: list[float] = field(default_factory=list)  # from the answer to its commit
    seen: Counter[Doing] = field(default_factory=Counter)  # how often it was found doing this
