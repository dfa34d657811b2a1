"""What the configuration makes of mail of one affinity to one domain, before any worker has it."""

import functools
from collections.abc import Callable

from affinity.affinity import source_ips_for
from affinity.configuration import Configuration
from affinity.route import Routes, outside

# (affinity, domain) → MX group, addresses of the source IPs that the masks admit, sorted
Plan = Callable[[str, str], tuple[str, tuple[str, ...]]]


def plan_of(configuration: Configuration) -> Plan:
    """The plan of a configuration.

    No source IP is admitted without a known affinity, a route, or a host of it that may be reached.
    """
    routes = Routes(configuration.route)
    allowed = configuration.lab.allow_networks
    closed = {name for name, route in configuration.route.items() if outside(route, allowed)}

    @functools.lru_cache(maxsize=65536)
    def plan(affinity: str, domain: str) -> tuple[str, tuple[str, ...]]:
        found = configuration.affinity.get(affinity)
        group = routes.group_of(domain)
        if found is None or routes.route_for(group) is None or group in closed:
            return group, ()
        admitted = source_ips_for(found, domain)
        return group, tuple(sorted({ip.address for ip in admitted}))

    return plan
