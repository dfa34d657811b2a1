"""What source IPs being warmed up, and affinities, may still send today."""

from dataclasses import dataclass

from affinity.configuration import Configuration
from affinity.route import Routes
from affinity.warmup import account_of, begin_of, day_of, quotas_of
from store import quotas
from store.engine import Store


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """A quota of today: of a source IP that is warmed up, to an MX group; or of an affinity."""

    source_ip: str | None
    mx_group: str | None
    affinity: str | None  # the quota is of all its mail
    quota: int | None  # of today; None: no limit any more
    spent: int  # of it, what is in hand included
    tomorrow: int | None
    day_ends_at: float


def quota_lines(store: Store, configuration: Configuration, now: float) -> list[QuotaLine]:
    """Of affinities, then of source IPs, in the order of the configuration."""
    routes, day = Routes(configuration.route), day_of(now)
    plans = quotas_of(configuration, routes)
    spent = store.read_now(quotas.spent, day)
    affinities = [
        QuotaLine(None, None, name, quota, spent.get(account_of(name), 0), quota, begin_of(day + 1))
        for name in configuration.affinity
        if (quota := plans.of_affinity(name)) is not None
    ]
    return affinities + [
        QuotaLine(
            source_ip,
            group,
            None,
            plans.of(source_ip, group, day),
            spent.get((source_ip, group), 0),
            plans.of(source_ip, group, day + 1),
            begin_of(day + 1),
        )
        for source_ip in dict.fromkeys(plan.ip for plan in configuration.warmup)
        for group in configuration.route
        if plans.concern(source_ip, group)
    ]
