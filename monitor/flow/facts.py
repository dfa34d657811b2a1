"""What the picture of the pipeline is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.why.finding import Finding
from store.queues import InHand, Traffic
from store.ways_of_deliveries import WayOfDelivery


@dataclass(frozen=True, slots=True)
class DeliveryFact:
    """A delivery that is not over, or sent something of late."""

    id: int
    label: str
    affinity: str
    status: str
    pending: int


@dataclass(frozen=True, slots=True)
class LaneFact:
    """A lane: of one source IP, or (None) of all to its MX group; ``shut`` says why it is so."""

    key: str
    source_ip: str | None
    mx_group: str
    affinities: tuple[str, ...]
    shut: str = ""


@dataclass(frozen=True, slots=True)
class InstanceFact:
    """An instance; ``state`` as ``mtalab mta list`` has it."""

    name: str
    state: str
    workers: int
    affinities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it, as of one moment; times in epoch seconds."""

    at: float
    window_s: float  # of the traffic
    deliveries: tuple[DeliveryFact, ...]
    lanes: tuple[LaneFact, ...]
    instances: tuple[InstanceFact, ...]
    groups: Mapping[str, str]  # MX group → where its mail goes, in words
    findings: tuple[Finding, ...]
    in_hand: tuple[InHand, ...]
    instance_of: Mapping[int, str]  # worker → instance
    traffic: tuple[Traffic, ...]
    ways: tuple[WayOfDelivery, ...]
