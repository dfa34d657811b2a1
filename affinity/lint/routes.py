"""Routes that lead nowhere or get nothing, and sinks that no route leads to."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from affinity.configuration import Configuration, Route
from affinity.domain_search import covered, disjoint
from affinity.expected import nearest
from affinity.key_path import KeyPath
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from mail.notation import split_endpoint


def routes(configuration: Configuration, sinks: Mapping[str, str]) -> Iterator[Finding]:
    """``sinks``: where those that are configured listen, by name."""
    if not configuration.route:
        yield Finding(
            Code.NO_ROUTE,
            ("route",),
            "no route is configured: no domain can be reached",
            "Add [route.NAME] with domains and a host or a sink.",
        )
    for name, route in configuration.route.items():
        for index, place in enumerate(route.places):
            if place.sink is not None and place.sink not in sinks:
                yield Finding(
                    Code.UNKNOWN_SINK,
                    (*_place(name, route, index), "sink"),
                    f"there is no sink {place.sink!r}{nearest(place.sink, sinks)}",
                    f"Add [sink.{place.sink}], or give the route a host.",
                )
    yield from _outside(configuration)
    yield from _shadowed(configuration)
    yield from _sinks(configuration, sinks)


def _sinks(configuration: Configuration, sinks: Mapping[str, str]) -> Iterator[Finding]:
    for sink, listen in sinks.items():
        if not ipaddress.ip_address(split_endpoint(listen)[0]).is_loopback:
            yield Finding(
                Code.SINK_EXPOSED,
                ("sink", sink, "listen"),
                f"{listen} can be reached from other machines",
                "Listen on 127.0.0.1, unless that is meant.",
            )
    used = {place.sink for route in configuration.route.values() for place in route.places}
    for sink in sinks:
        if sink not in used:
            yield Finding(
                Code.SINK_UNUSED,
                ("sink", sink),
                "no route leads to this sink: it receives nothing",
                f'Add a route with sink = "{sink}".',
            )


def _place(name: str, route: Route, index: int) -> KeyPath:
    return ("route", name, "hosts", index) if route.hosts else ("route", name)


def _outside(configuration: Configuration) -> Iterator[Finding]:
    """Hosts to which nothing may be sent."""
    allowed = [ipaddress.ip_network(each) for each in configuration.lab.allow_networks]
    for name, route in configuration.route.items():
        for index, place in enumerate(route.places):
            if place.host is None:
                continue
            host = ipaddress.ip_address(split_endpoint(place.host)[0])
            if not (host.is_loopback or any(host in network for network in allowed)):
                yield Finding(
                    Code.OUTSIDE_NETWORK,
                    (*_place(name, route, index), "host"),
                    f"{host} is outside this machine, so nothing is sent there",
                    "If you mean it, add its network to allow_networks under [lab].",
                )


def _shadowed(configuration: Configuration) -> Iterator[Finding]:
    """Domains of a route that earlier routes take."""
    earlier: dict[str, str] = {}
    for name, route in configuration.route.items():
        for index, domain in enumerate(route.domains):
            if not (earlier and covered(domain, list(earlier))):
                continue
            alone = [mask for mask in earlier if covered(domain, [mask])]
            taken = alone[:1] or [mask for mask in earlier if not disjoint(domain, [mask])]
            yield Finding(
                Code.ROUTE_DOMAIN_SHADOWED,
                ("route", name, "domains", index),
                f"{domain} goes by {_those(taken, earlier)}",
                "Put the narrower route first, or take the domain out of one of them.",
            )
        for mask in route.domains:
            earlier.setdefault(mask, name)


def _those(masks: Sequence[str], routes: Mapping[str, str]) -> str:
    if len(masks) == 1:
        return f"route {routes[masks[0]]}, which comes first and names {masks[0]}"
    named = " and ".join(f"{routes[mask]} ({mask})" for mask in masks)
    return f"routes {named}, which come first"
