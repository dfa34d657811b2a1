"""Parts in a worker's hand and their messages, from claim to the last answer."""

from dataclasses import dataclass
from typing import NamedTuple

from store.leases import LeasedPart, PartMessage


@dataclass(slots=True)
class HeldPart:
    """A leased part while this worker has it. Times are of the monotonic clock."""

    lease: LeasedPart
    taken_at: float
    good_until: float  # after this nothing of it may be sent: another worker may have it
    open: int  # messages neither answered nor given back
    given_back: int = 0

    @property
    def key(self) -> tuple[int, int]:
        return self.lease.part_id, self.lease.epoch


class HeldMessage(NamedTuple):
    """One message of a held part."""

    part: HeldPart
    message: PartMessage
    passed_on: int = 0  # how often a host sent it away before it took its sender
