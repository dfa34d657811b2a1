"""What a worker takes from the configuration; replaced as a whole when the file changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from affinity.affinity import source_ips_for
from affinity.configuration import AddressRules, Affinity, Pace, Retry, SourceIp
from affinity.lane import Limits
from mta.classify import Classifier
from mta.session.settings import Credentials
from mta.signature import Signer
from world.network import Network

_ADMITTED_MAX: Final = 100_000  # answers kept


@dataclass(frozen=True, slots=True)
class MxHost:
    """One host of a route; ``name`` is what its certificate must bear."""

    address: str
    port: int
    preference: int = 10
    name: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an MX group's mail goes, and what its hosts ask for."""

    hosts: tuple[MxHost, ...]
    tls_ca: str | None = None  # PEM of the trusted authorities; None: those of this machine
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class MtaSettings:
    """The configuration as one worker of one instance sees it."""

    instance: str
    affinities: Mapping[str, Affinity]  # those that the instance serves and that are defined
    limits_for: Callable[[str], Limits]  # MX group → limits of its lanes
    destination_for: Callable[[str], Destination | None]  # by MX group
    signer: Signer
    network: Network  # where it may connect to
    retry: Retry
    pace: Pace
    heartbeat_s: float
    connections: int  # per lane where no rule limits them
    domain: str  # of return paths and Message-IDs
    addresses: AddressRules = field(default_factory=AddressRules)  # what failures mean for them
    classifier: Classifier = field(default_factory=Classifier.packaged)
    # Asked four times for each message: the answers, which never change for these settings.
    _admitted: dict[tuple[str, str, str], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def source_ip(self, affinity: str, address: str) -> SourceIp | None:
        """The source IP of an affinity, or None if it may not be used any more."""
        found = self.affinities.get(affinity)
        if found is None:
            return None
        return next((ip for ip in found.ip if ip.address == address and ip.weight > 0), None)

    def admits(self, affinity: str, address: str, domain: str) -> bool:
        """Whether mail of this affinity to this domain may leave from this address."""
        asked = (affinity, address, domain)
        known = self._admitted.get(asked)
        if known is None:
            found = self.affinities.get(affinity)
            known = found is not None and any(
                ip.address == address and ip.weight > 0 for ip in source_ips_for(found, domain)
            )
            if len(self._admitted) >= _ADMITTED_MAX:
                self._admitted.clear()
            self._admitted[asked] = known
        return known
