"""Routes: the stand-in for DNS. A route's name is the MX group of the domains it names.

A domain without a route is a group of its own, named like the domain. That no route has such a
name is seen to by ``affinity/configuration.py``, which refuses dots in them. (The one domain that
could be taken for a route is thus a name without a dot, such as localhost.)
"""

import functools
import ipaddress
from collections.abc import Collection, Mapping

from affinity.configuration import Route
from affinity.mask import matches
from mail.notation import split_endpoint


def outside(route: Route, allow_networks: Collection[str]) -> list[str]:
    """The addresses of a route to which nothing may be sent; empty if one place of it is open.

    A sink is always open: it is this lab's own.
    """
    allowed = [ipaddress.ip_network(each) for each in allow_networks]
    found = []
    for place in route.places:
        if place.host is None:
            return []
        host = ipaddress.ip_address(split_endpoint(place.host)[0])
        if host.is_loopback or any(host in network for network in allowed):
            return []
        found.append(str(host))
    return found


class Routes:
    """The routes of a configuration, asked by domain or by group; never changes once made."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = dict(routes)
        self._cached_group = functools.lru_cache(maxsize=65536)(self._find_group)

    def group_of(self, domain: str) -> str:
        """The MX group of a domain: the first route in file order whose mask matches, or itself.

        The domain is to be in canonical form (``mail.address.canonical_domain``).
        """
        return self._cached_group(domain)

    def _find_group(self, domain: str) -> str:
        for name, route in self._routes.items():
            if any(matches(mask, domain) for mask in route.domains):
                return name
        return domain

    def route_for(self, mx_group: str) -> Route | None:
        """The route of a group, or None for a domain that has none: it cannot be reached."""
        return self._routes.get(mx_group)

    def mx_host(self, mx_group: str) -> str:
        """The name of the group's MX host, which the masks of MX rules match."""
        route = self._routes.get(mx_group)
        if route is None:
            return mx_group
        return route.mx or f"mx.{mx_group}.test"

    def mx_hosts(self, mx_group: str) -> tuple[str, ...]:
        """The names of all hosts of a group, each once: that of the route first."""
        route = self._routes.get(mx_group)
        named = () if route is None else tuple(each.mx for each in route.hosts if each.mx)
        return tuple(dict.fromkeys((self.mx_host(mx_group), *named)))
