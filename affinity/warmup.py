"""Daily quotas: of a source IP that is warmed up, to an MX group; of an affinity as a whole.

A day is a UTC calendar day, numbered since 1970-01-01. Before its plan begins an IP sends nothing
there, after the plan's last day as much as it likes.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from affinity.configuration import Configuration, Warmup
from affinity.mask import matches
from affinity.route import Routes

DAY_S: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_NONE: Final[Mapping[str, int]] = MappingProxyType({})
_AFFINITY: Final = "affinity"  # in the place of a source IP

Account = tuple[str, str]  # what a quota is of: source IP and MX group, or an affinity as a whole


def account_of(affinity: str) -> Account:
    """What the quota of an affinity is kept under."""
    return _AFFINITY, affinity


def affinity_of(account: Account) -> str | None:
    """Whose quota is kept under this account; None: a source IP's."""
    return account[1] if account[0] == _AFFINITY else None


def day_of(now: float) -> int:
    """The day of a time in epoch seconds."""
    return math.floor(now / DAY_S)


def begin_of(day: int) -> float:
    """When a day begins, in epoch seconds."""
    return float(day * DAY_S)


def quota_on(plan: Warmup, day: int) -> int | None:
    """What a plan allows on a day; None: as much as there is."""
    place = day - (plan.begins.toordinal() - _EPOCH)
    if place < 0:
        return 0
    return plan.plan[place] if place < len(plan.plan) else None


class Quotas:
    """All quotas of a configuration; never changes once made.

    A mask matches as that of an MX rule does: an MX host of the group, or a domain of its route. Of
    several plans that match, the tightest holds.
    """

    def __init__(
        self, plans: Sequence[Warmup], routes: Routes, affinities: Mapping[str, int] = _NONE
    ) -> None:
        self._plans, self._routes, self._affinities = tuple(plans), routes, affinities
        self._cached = functools.lru_cache(maxsize=65536)(self._plans_for)

    def __bool__(self) -> bool:
        return bool(self._plans or self._affinities)

    def of_affinity(self, affinity: str) -> int | None:
        """Messages of an affinity on any day; None: nothing limits them."""
        return self._affinities.get(affinity)

    def of(self, source_ip: str, mx_group: str, day: int) -> int | None:
        """Messages from an IP to an MX group on a day; None: no plan limits them."""
        if not self._plans:
            return None
        quotas = (quota_on(plan, day) for plan in self._cached(source_ip, mx_group))
        return min((each for each in quotas if each is not None), default=None)

    def concern(self, source_ip: str, mx_group: str) -> bool:
        """Whether any plan is about this way, on whatever day."""
        return bool(self._cached(source_ip, mx_group))

    def _plans_for(self, source_ip: str, mx_group: str) -> tuple[Warmup, ...]:
        route = self._routes.route_for(mx_group)
        # A domain without a route is an MX group of its own name.
        names = (*self._routes.mx_hosts(mx_group), *(() if route is None else route.domains))
        return tuple(
            plan
            for plan in self._plans
            if plan.ip == source_ip and any(matches(plan.mx, name) for name in names)
        )


def quotas_of(configuration: Configuration, routes: Routes) -> Quotas:
    """The quotas of a configuration."""
    affinities = {
        name: each.messages_per_day
        for name, each in configuration.affinity.items()
        if each.messages_per_day is not None
    }
    return Quotas(configuration.warmup, routes, affinities)
