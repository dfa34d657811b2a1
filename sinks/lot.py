"""Drawing lots that come out the same each time: the answer is a hash, not a dice.

So a share of addresses is always the same addresses, whatever the order in which they come, and
two runs with one seed agree.
"""

from hashlib import blake2b
from typing import Final

_RANGE: Final = 2.0**64


def digest(*parts: str) -> int:
    """64 bits that stand for the parts; stable across processes and machines."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest(), "big")


def lot(seed: str, *parts: str) -> float:
    """A number in [0, 1), even over different parts."""
    # The top bit patterns round up to 1.0 as floats; 53 bits are all that a float holds.
    return (digest(seed, *parts) >> 11 << 11) / _RANGE


class Lots:
    """The lots of one sink: all follow its seed."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._drawn = 0

    def next(self, salt: str) -> float:
        """A number in [0, 1), another at each call."""
        self._drawn += 1
        return lot(self.seed, salt, str(self._drawn))

    def of(self, *parts: str) -> float:
        """A number in [0, 1) that the parts have each time."""
        return lot(self.seed, *parts)
