"""What a valid configuration can still not do: found before the run instead of by a stuck queue."""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from affinity.affinity import source_ips_for
from affinity.configuration import Configuration
from affinity.mask import matches
from affinity.route import Routes

BindError = Callable[[str], OSError | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot work (error) or hardly is what was meant (warning)."""

    severity: Literal["error", "warning"]
    key: str
    what: str
    remedy: str


def check(
    configuration: Configuration, bind_error: BindError, sinks: Collection[str] = ()
) -> list[Finding]:
    """All findings, in the order of the file's sections."""
    return [
        *_instances(configuration),
        *_affinities(configuration, bind_error),
        *_names(configuration),
        *_routes(configuration, sinks),
        *_rules(configuration),
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'promo'?``, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _instances(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.mta:
        yield Finding(
            "error", "mta", "no MTA instance is configured", "Add [mta.NAME] with its affinities."
        )
    for name, instance in configuration.mta.items():
        for affinity in instance.affinities:
            if affinity not in configuration.affinity:
                yield Finding(
                    "error",
                    f"mta.{name}.affinities",
                    f"affinity {affinity!r} is not defined"
                    + nearest(affinity, configuration.affinity),
                    f"Add [affinity.{affinity}] or take it out.",
                )


def _affinities(configuration: Configuration, bind_error: BindError) -> Iterator[Finding]:
    served = {name for each in configuration.mta.values() for name in each.affinities}
    for name, affinity in configuration.affinity.items():
        if name not in served:
            yield Finding(
                "error",
                f"affinity.{name}",
                "no MTA instance has this affinity: its deliveries stay pending",
                "Name it under affinities of an [mta.NAME].",
            )
        if not any(ip.weight > 0 for ip in affinity.ip):
            yield Finding(
                "error",
                f"affinity.{name}",
                "all its source IPs have weight 0: nothing can be sent",
                "Give at least one IP a weight.",
            )
        for index, ip in enumerate(affinity.ip):
            error = bind_error(ip.address)
            if error is not None:
                yield Finding(
                    "error",
                    f"affinity.{name}.ip[{index}]",
                    f"{ip.address} cannot be sent from on this host: {error.strerror}",
                    "Add the address to an interface, or map it to one of 127.0.0.0/8.",
                )
        yield from _masks(configuration, name)


def _masks(configuration: Configuration, name: str) -> Iterator[Finding]:
    """Routed domains that the masks of an affinity leave without a usable IP."""
    affinity = configuration.affinity[name]
    for group, route in configuration.route.items():
        for domain in route.domains:
            if "*" in domain or "?" in domain:
                continue  # a mask names no single domain to ask about
            admitted = source_ips_for(affinity, domain)
            if not admitted:
                masks = "; ".join(
                    f"{ip.address} include {list(ip.include)} exclude {list(ip.exclude)}"
                    for ip in affinity.ip
                )
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"no source IP may send to {domain} (route {group}): {masks}",
                    "Widen a mask, or never send to it with this affinity.",
                )
            elif not any(ip.weight > 0 for ip in admitted):
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"the source IPs that may send to {domain} all have weight 0",
                    "Give one of them a weight.",
                )


def _names(configuration: Configuration) -> Iterator[Finding]:
    said: dict[str, tuple[str, str]] = {}
    for name, affinity in configuration.affinity.items():
        for ip in affinity.ip:
            before = said.setdefault(ip.address, (ip.helo, name))
            if before[0] != ip.helo:
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"{ip.address} says {ip.helo!r} here and {before[0]!r} in {before[1]!r}",
                    "Receivers expect one name per address: use the same helo.",
                )


def _routes(configuration: Configuration, sinks: Collection[str]) -> Iterator[Finding]:
    if not configuration.route:
        yield Finding(
            "error",
            "route",
            "no route is configured: no domain can be reached",
            "Add [route.NAME] with domains and a host or a sink.",
        )
    for name, route in configuration.route.items():
        if route.sink is not None and route.sink not in sinks:
            yield Finding(
                "error",
                f"route.{name}.sink",
                f"there is no sink {route.sink!r}" + nearest(route.sink, sinks),
                f"Add [sink.{route.sink}] or give the route a host.",
            )
    used = {route.sink for route in configuration.route.values()}
    for sink in sinks:
        if sink not in used:
            yield Finding(
                "warning", f"sink.{sink}", "no route leads to this sink", "Add a route to it."
            )
    routes = Routes(configuration.route)
    for name, affinity in configuration.affinity.items():
        for mask in sorted({mask for ip in affinity.ip for mask in ip.include}):
            is_mask = "*" in mask or "?" in mask
            if not is_mask and routes.route_for(routes.group_of(mask)) is None:
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"it includes {mask}, which no route leads to",
                    "Add a route for the domain.",
                )


def _rules(configuration: Configuration) -> Iterator[Finding]:
    routes = Routes(configuration.route)
    for index, rule in enumerate(configuration.mx_rule):
        reached = any(
            matches(rule.mask, name)
            for group, route in configuration.route.items()
            for name in (routes.mx_host(group), group, *route.domains)
        )
        if not reached:
            yield Finding(
                "warning",
                f"mx_rule[{index}]",
                f"the mask {rule.mask!r} matches no route's MX host, name or domains",
                "Correct the mask, or remove the rule.",
            )
