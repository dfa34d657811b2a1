"""What the scheduler sees at the start of a round, and the rules it goes by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from affinity.gcra import Gcra

# What one affinity sends to one MX group from one set of admitted source IPs.
StreamKey = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class QueuedPart:
    """A part that waits for a worker. ``source_ips`` are those that the domain masks admit."""

    part_id: int
    delivery_id: int
    affinity: str
    mx_group: str
    source_ips: tuple[str, ...]
    size: int
    priority: int = 0  # higher goes first


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker that may be given parts: what its instance serves, what its host cannot bind."""

    worker_id: int
    instance: str
    affinities: frozenset[str]
    unbindable: frozenset[str] = frozenset()
    in_hand: Mapping[str, int] = field(default_factory=dict)  # messages by lane key


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as stored: who holds leased parts on it, its rate limiter's state, a suspension."""

    key: str
    owner: int | None = None
    tat: float | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work, the workers and the lanes at one moment; ``now`` in epoch seconds.

    ``parts`` may be a window on the queue. It must hold the first parts of *every* delivery for
    each MX group: what is not seen here has no turn.
    """

    now: float
    parts: tuple[QueuedPart, ...]
    workers: tuple[LiveWorker, ...]
    lanes: tuple[LaneView, ...] = ()

@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as the scheduler needs to know it."""

    key: str
    is_limited: bool
    gcra: Gcra | None


class Rules:
    def __init__(self, weights, limits, routes):
        self._w, self._l, self._r = weights, limits, routes
    def weights(self, affinity): return self._w.get(affinity, {})
    def lane(self, ip, mx):
        lim = self._l.get(mx)
        return Lane(f"{ip}/{mx}", lim is not None, lim if isinstance(lim, Gcra) else None)
    def has_route(self, mx): return mx in self._r
