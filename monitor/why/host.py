"""What is seen of the machine, which the store cannot tell: handed in by whoever can look."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KnownOutcomes:
    """What a worker's journal holds: messages whose outcome the store may not have."""

    journal: str
    message_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HostFacts:
    """By default nothing is known beside the store.

    ``running`` names modules and workers whose processes live, as ``mtalab status`` names them;
    ``clock_ahead_s`` tells by how much this machine's clock is ahead of the database server's.
    """

    store_trouble: str | None = None  # why the store cannot be written
    running: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()  # by a signal (SIGSTOP), and not gone
    journals: Mapping[int, KnownOutcomes] = field(default_factory=dict)  # by worker
    clock_ahead_s: float = 0.0
