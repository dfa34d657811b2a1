"""What all invariants look at: the run, its configurations in time, and a way to end it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from affinity.affinity import source_ips_for
from affinity.lane import Limits, limits_of_group
from affinity.route import Routes
from lab.configuration import LabConfiguration, Loaded
from lab.simulation.invariants.violation import Invariant, Violation
from lab.simulation.simulation import Simulation
from mail.notation import split_endpoint
from store.observing import Observer

FOLLOWED_WITHIN_S = 0.4  # a process looks at the file every 0.3 s


@dataclass
class Version:
    """One configuration and since when it holds (virtual seconds)."""

    since: float
    configuration: LabConfiguration

    @cached_property
    def routes(self) -> Routes:
        return Routes(self.configuration.route)

    @cached_property
    def group_at(self) -> dict[str, str]:
        """``address:port`` → the MX group whose mail goes there."""
        found = {}
        for name, route in self.configuration.route.items():
            for place in route.places:
                listen = place.host or self.configuration.sink[str(place.sink)].listen
                host, port = split_endpoint(listen)
                found[f"{host}:{port}"] = name
        return found

    def admits(self, affinity: str, address: str, domain: str) -> bool:
        """Whether mail of an affinity to a domain may leave from an address."""
        found = self.configuration.affinity.get(affinity)
        return found is not None and any(
            ip.address == address and ip.weight > 0 for ip in source_ips_for(found, domain)
        )

    def limits_of(self, mx_group: str) -> Limits:
        if mx_group not in self._limits:
            self._limits[mx_group] = limits_of_group(self.configuration, self.routes, mx_group)
        return self._limits[mx_group]

    @cached_property
    def _limits(self) -> dict[str, Limits]:
        return {}


class Scene:
    """One simulation as its invariants see it."""

    def __init__(self, sim: Simulation) -> None:
        self.sim, self.observer = sim, Observer(sim.store)
        self.versions = [Version(0.0, sim.loaded.configuration)]
        self.skewed_s = 0.0  # the largest error of any clock so far

    @property
    def at(self) -> float:
        """Virtual seconds since the beginning."""
        return self.sim.loop.time()

    def followed(self, loaded: Loaded) -> None:
        """The configuration file says something else from now on."""
        self.versions.append(Version(self.at, loaded.configuration))

    @property
    def version(self) -> Version:
        """The configuration that holds now."""
        return self.versions[-1]

    def lately(self, within_s: float = FOLLOWED_WITHIN_S) -> Iterator[Version]:
        """The configurations that somebody may go by now, the newest first."""
        for version in reversed(self.versions):
            yield version
            if version.since < self.at - within_s:
                return

    def violated(self, invariant: Invariant, what: str) -> None:
        """End the run."""
        self.sim.loop.halt(Violation(invariant, what, at=self.at, seed=self.sim.seed))
