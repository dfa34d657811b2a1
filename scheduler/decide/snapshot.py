"""What the scheduler sees at the start of a round, and the rules it goes by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from affinity.affinity import weights
from affinity.configuration import Configuration
from affinity.lane import Limits, lane_of, limits_of_group
from affinity.rate import Rate
from affinity.route import Routes
from affinity.warmup import Account, quotas_of

_NO_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})

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
    contact_at: float = 0.0
    is_started: bool = True  # its delivery is in progress


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
    running: frozenset[int] = frozenset()  # deliveries that count against a limit on them
    # Of today's quotas; where there is none it does not matter.
    spent: Mapping[Account, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as far as the scheduler minds it: its name, whether it needs an owner, its rate."""

    key: str
    is_limited: bool
    rate: Rate | None
    mx_group: str = ""


class Rules:
    """What a configuration says about weights, lanes and routes; never changes once made."""

    __slots__ = ("_configuration", "_lanes", "_limits", "_routes", "_weights", "quotas")

    def __init__(self, configuration: Configuration, routes: Routes) -> None:
        self._configuration, self._routes = configuration, routes
        self._weights = {
            name: MappingProxyType(weights(affinity))
            for name, affinity in configuration.affinity.items()
        }
        self.quotas = quotas_of(configuration, routes)
        # Caches: masks are matched once per MX group, lanes made once.
        self._limits: dict[str, Limits] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}

    def weights(self, affinity: str) -> Mapping[str, float]:
        """Source IP → weight of those above zero, in file order; empty for an unknown affinity."""
        return self._weights.get(affinity, _NO_WEIGHTS)

    def lane(self, source_ip: str, mx_group: str) -> Lane:
        lane = self._lanes.get((source_ip, mx_group))
        if lane is None:
            limits = self._limits.get(mx_group)
            if limits is None:
                limits = limits_of_group(self._configuration, self._routes, mx_group)
                self._limits[mx_group] = limits
            key = str(lane_of(source_ip, mx_group, limits))
            lane = Lane(key, limits.is_limited, limits.rate, mx_group)
            self._lanes[source_ip, mx_group] = lane
        return lane

    def has_route(self, mx_group: str) -> bool:
        return self._routes.route_for(mx_group) is not None
