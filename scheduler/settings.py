"""The configuration as the scheduler uses it; replaced as a whole when the file changes."""

from collections.abc import Callable
from dataclasses import dataclass

from affinity.configuration import AddressRules, Breaker, Configuration, Pace
from affinity.lane import limits_of_group
from affinity.plan import Plan, plan_of
from affinity.rate import Rate
from affinity.route import Routes
from scheduler.decide.snapshot import Rules


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Rules for spreading, the plan for a domain, the limiter of a lane."""

    rules: Rules
    pace: Pace
    plan: Plan
    rate_of: Callable[[str], Rate | None]  # lane key → its rate limiter
    lane_of: Callable[[str, str], str]  # source IP, MX group → lane key
    breaker: Breaker
    addresses: AddressRules


def settings_from(configuration: Configuration) -> SchedulerSettings:
    """Derive all that the scheduler needs from a configuration."""
    routes = Routes(configuration.route)

    def rate_of(lane: str) -> Rate | None:
        _, _, group = lane.partition(">")
        return limits_of_group(configuration, routes, group).rate

    rules = Rules(configuration, routes)

    def lane_of(source_ip: str, mx_group: str) -> str:
        return rules.lane(source_ip, mx_group).key

    return SchedulerSettings(
        rules,
        configuration.scheduler,
        plan_of(configuration),
        rate_of,
        lane_of,
        configuration.breaker,
        configuration.addresses,
    )
