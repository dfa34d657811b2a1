"""Which source IP an address would use: the answer of the rules, without sending anything."""

from dataclasses import asdict, dataclass
from typing import Any

from affinity.affinity import source_ips_for
from affinity.configuration import Configuration
from affinity.lane import lane_of, limits_of_group
from affinity.route import Routes
from mail.address import canonical_domain
from mail.errors import UserError


class NoSuchAffinity(UserError):
    """The configuration has no affinity of that name."""


@dataclass(frozen=True, slots=True)
class Share:
    """A source IP that may be chosen; ``share`` is that of its weight, of 1."""

    source_ip: str
    weight: float
    share: float
    lane: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer; no shares: no source IP of the affinity may send there."""

    affinity: str
    domain: str
    mx_group: str
    shares: tuple[Share, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape in ``docs/json.md``."""
        return {**asdict(self), "shares": [asdict(each) for each in self.shares]}


def choose(configuration: Configuration, affinity: str, address: str) -> Choice:
    """Ask the rules for an address, or a domain alone.

    Raises:
        BadAddress: it has no domain.
    """
    domain = canonical_domain(address.rpartition("@")[2])
    routes = Routes(configuration.route)
    group = routes.group_of(domain)
    limits = limits_of_group(configuration, routes, group)
    ips = source_ips_for(configuration.affinity[affinity], domain)
    total = sum(each.weight for each in ips)
    return Choice(
        affinity,
        domain,
        group,
        tuple(
            Share(
                each.address,
                each.weight,
                each.weight / total if total else 0.0,
                str(lane_of(each.address, group, limits)),
            )
            for each in ips
        ),
    )
