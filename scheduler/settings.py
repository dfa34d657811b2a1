"""The configuration as the scheduler uses it; replaced as a whole when the file changes."""

from collections.abc import Callable
from dataclasses import dataclass

from affinity.affinity import source_ips_for
from affinity.configuration import Configuration, Pace
from affinity.gcra import Gcra
from affinity.lane import limits_of_group
from affinity.route import Routes
from scheduler.decide.snapshot import Rules

Plan = Callable[[str, str], tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Rules for spreading, the plan for a domain, the limiter of a lane."""

    rules: Rules
    pace: Pace
    plan: Plan  # (affinity, domain) → MX group, source IPs that the masks admit
    rate_of: Callable[[str], Gcra | None]  # lane key → its rate limiter


def settings_from(configuration: Configuration) -> SchedulerSettings:
    """Derive all that the scheduler needs from a configuration."""
    routes = Routes(configuration.route)

    def plan(affinity: str, domain: str) -> tuple[str, tuple[str, ...]]:
        found = configuration.affinity.get(affinity)
        admitted = () if found is None else source_ips_for(found, domain)
        return routes.group_of(domain), tuple(sorted({ip.address for ip in admitted}))

    def rate_of(lane: str) -> Gcra | None:
        _, _, group = lane.partition(">")
        return limits_of_group(configuration, routes, group).rate

    return SchedulerSettings(Rules(configuration, routes), configuration.scheduler, plan, rate_of)
