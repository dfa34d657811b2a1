"""What a configuration makes of queued mail: the ways that it has, or the cause that holds it up.

Pure. Of the causes those are foreseen that hang on the configuration and on what operators said;
that a receiver is slow or a worker dead is of the moment, and no plan knows it.
"""

import functools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from affinity.affinity import weights
from affinity.configuration import Configuration
from affinity.lane import Limits, lane_of, limits_of_group
from affinity.plan import plan_of
from affinity.route import Routes, outside
from mail.cause import Cause


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is so beside the configuration."""

    halted: Collection[str] = ()  # instances that an operator stopped
    suspended: Collection[str] = ()  # lanes
    can_bind: Callable[[str], bool] = lambda _: True  # whether this host can send from an address


@dataclass(frozen=True, slots=True)
class Way:
    """How mail of one affinity to one domain goes; ``source_ips`` are those with a weight."""

    mx_group: str
    source_ips: tuple[str, ...]
    lanes: tuple[str, ...]
    limits: Limits = field(compare=False)
    cause: Cause | None


class Outlook:
    """One configuration, asked again and again."""

    def __init__(self, configuration: Configuration, circumstances: Circumstances) -> None:
        self._configuration, self._circumstances = configuration, circumstances
        self._routes = Routes(configuration.route)
        self.plan = plan_of(configuration)
        self._limits = functools.cache(
            lambda group: limits_of_group(configuration, self._routes, group)
        )
        self._can_bind = functools.cache(circumstances.can_bind)
        self._way = functools.cache(self._make_way)

    def way(self, affinity: str, domain: str) -> Way:
        """How it goes once it is planned by this configuration."""
        group, source_ips = self.plan(affinity, domain)
        return self._way(affinity, group, source_ips)

    def way_as_planned(self, affinity: str, mx_group: str, source_ips: tuple[str, ...]) -> Way:
        """How it goes as it was planned, by this configuration or another."""
        return self._way(affinity, mx_group, source_ips)

    def _make_way(self, affinity: str, group: str, planned: tuple[str, ...]) -> Way:
        found = self._configuration.affinity.get(affinity)
        weighted = {} if found is None else weights(found)
        usable = tuple(each for each in planned if each in weighted)
        limits = self._limits(group)
        lanes = tuple(dict.fromkeys(str(lane_of(each, group, limits)) for each in usable))
        first = next(self._causes(affinity, group, planned, usable, lanes), None)
        return Way(group, usable, lanes, limits, first)

    def _causes(
        self,
        affinity: str,
        group: str,
        planned: tuple[str, ...],
        usable: tuple[str, ...],
        lanes: tuple[str, ...],
    ) -> Iterator[Cause]:
        """In the order of their gates."""
        yield from self._of_instances(affinity)
        route = self._routes.route_for(group)
        hosts = () if route is None else outside(route, self._configuration.lab.allow_networks)
        if route is not None and not hosts:
            yield from self._of_source_ips(affinity, planned, usable)
        if lanes and all(each in self._circumstances.suspended for each in lanes):
            yield Cause.LANE_SUSPENDED
        if hosts:
            yield Cause.DESTINATION_UNREACHABLE
        if route is None:
            yield Cause.NO_MX

    def _of_instances(self, affinity: str) -> Iterator[Cause]:
        having = [
            name for name, each in self._configuration.mta.items() if affinity in each.affinities
        ]
        if not having or affinity not in self._configuration.affinity:
            yield Cause.AFFINITY_NOT_CONFIGURED
        elif all(each in self._circumstances.halted for each in having):
            yield Cause.AFFINITY_ON_STOPPED_MTA

    def _of_source_ips(
        self, affinity: str, planned: tuple[str, ...], usable: tuple[str, ...]
    ) -> Iterator[Cause]:
        found = self._configuration.affinity.get(affinity)
        known = set() if found is None else {each.address for each in found.ip}
        if not planned:
            yield Cause.NO_SOURCE_IP_FOR_DOMAIN
        elif not known & set(planned):
            yield Cause.ORPHANED_SOURCE_IP
        elif not usable:
            yield Cause.SOURCE_IPS_WEIGHTLESS
        elif not any(self._can_bind(each) for each in usable):
            yield Cause.SOURCE_IP_UNAVAILABLE
