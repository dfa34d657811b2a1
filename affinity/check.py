"""What a valid configuration can still not do: found before the run instead of by a stuck queue."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from affinity.affinity import source_ips_for
from affinity.configuration import Affinity, Configuration, Route, SourceIp
from affinity.expected import nearest
from affinity.mask import covers, is_pattern
from affinity.route import Routes
from mail.notation import split_endpoint

__all__ = ["BindError", "Finding", "check", "nearest"]

BindError = Callable[[str], OSError | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot work (error) or hardly is what was meant (warning)."""

    severity: Literal["error", "warning"]
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.key}: {self.what}\n  {self.remedy}"


def check(
    configuration: Configuration, bind_error: BindError, sinks: Mapping[str, str] | None = None
) -> list[Finding]:
    """All findings, instances first, then affinities, routes and rules, each in file order.

    Args:
        configuration: as it was read.
        bind_error: why this host cannot send from an address, or None if it can.
        sinks: where those that are configured listen (address:port), by name.
    """
    sinks = sinks or {}
    return [
        *_instances(configuration),
        *_affinities(configuration),
        *_families(configuration, sinks),
        *_addresses(configuration, bind_error),
        *_routes(configuration, sinks),
        *_rules(configuration),
        *_warmups(configuration),
    ]


def _instances(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.mta:
        yield Finding(
            "error",
            "mta",
            "no MTA instance is configured: nothing is sent",
            "Add [mta.NAME] with its affinities.",
        )
    for name, instance in configuration.mta.items():
        for index, affinity in enumerate(instance.affinities):
            if affinity not in configuration.affinity:
                hint = nearest(affinity, configuration.affinity)
                yield Finding(
                    "error",
                    f"mta.{name}.affinities[{index}]",
                    f"affinity {affinity!r} is not defined{hint}",
                    f"Add [affinity.{affinity}], or take the name out.",
                )


def _affinities(configuration: Configuration) -> Iterator[Finding]:
    served = {name for each in configuration.mta.values() for name in each.affinities}
    for name, affinity in configuration.affinity.items():
        if name not in served:
            yield Finding(
                "warning",
                f"affinity.{name}",
                "no MTA instance has this affinity: its deliveries stay pending",
                "Name it under affinities of an [mta.NAME].",
            )
        if _has_weight(affinity.ip):
            yield from _masks(configuration, name, affinity)
        else:
            yield Finding(
                "error",
                f"affinity.{name}",
                "all its source IPs have weight 0: nothing is sent",
                "Give at least one of them a weight.",
            )
        yield from _unrouted(configuration, name, affinity)


def _masks(configuration: Configuration, name: str, affinity: Affinity) -> Iterator[Finding]:
    """Routed domains that the masks of an affinity leave without a usable IP."""
    for group, route in configuration.route.items():
        for domain in route.domains:
            admitted = _may_send(affinity, domain)
            if not admitted:
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"no source IP may send to {domain} (route {group}): "
                    + "; ".join(_described(ip) for ip in affinity.ip),
                    f"Widen a mask, unless nothing is to go to {domain} by this affinity.",
                )
            elif not _has_weight(admitted):
                addresses = ", ".join(ip.address for ip in admitted)
                yield Finding(
                    "warning",
                    f"affinity.{name}",
                    f"the source IPs that may send to {domain} (route {group}) have weight 0: "
                    f"{addresses}",
                    f"Give one of them a weight, or let another send to {domain}.",
                )


def _families(configuration: Configuration, sinks: Mapping[str, str]) -> Iterator[Finding]:
    """IPv4 source IPs that may send where only IPv6 leads, and the reverse."""
    for group, route in configuration.route.items():
        ends = [each.host or sinks.get(each.sink or "") for each in route.places]
        reached = [each for each in ends if each is not None]
        families = {":" in split_endpoint(each)[0] for each in reached}
        if len(families) != 1:
            continue  # it leads nowhere, which _routes says, or to both kinds
        for name, affinity in configuration.affinity.items():
            admitted = (ip for domain in route.domains for ip in _may_send(affinity, domain))
            addresses = dict.fromkeys(ip.address for ip in admitted)
            unfit = [each for each in addresses if (":" in each) not in families]
            if unfit:
                yield Finding(
                    "error",
                    f"affinity.{name}",
                    f"{', '.join(unfit)} cannot connect to {', '.join(reached)} (route {group}): "
                    "one is IPv4, the other IPv6",
                    f"Exclude {', '.join(route.domains)} there, or let the route lead to an "
                    "address of the same kind.",
                )


def _may_send(affinity: Affinity, domain: str) -> tuple[SourceIp, ...]:
    """The IPs that may send to the domain or, if it is a mask, perhaps to some domain of it."""
    if not is_pattern(domain):
        return source_ips_for(affinity, domain)
    return tuple(
        ip
        for ip in affinity.ip
        if (not ip.include or any(_overlap(mask, domain) for mask in ip.include))
        and not any(covers(mask, domain) for mask in ip.exclude)
    )


def _unrouted(configuration: Configuration, name: str, affinity: Affinity) -> Iterator[Finding]:
    """Include masks that speak of domains to which no route leads."""
    if not configuration.route:
        return
    domains = [domain for route in configuration.route.values() for domain in route.domains]
    for mask in dict.fromkeys(mask for ip in affinity.ip for mask in ip.include):
        if not any(_overlap(mask, domain) for domain in domains):
            yield Finding(
                "warning",
                f"affinity.{name}",
                f"an IP includes {mask}, to which no route leads",
                "Add the domain to a route, or correct the mask.",
            )


def _addresses(configuration: Configuration, bind_error: BindError) -> Iterator[Finding]:
    """What is wrong with a source IP wherever it stands."""
    uses: dict[str, dict[str, SourceIp]] = {}
    for name, affinity in configuration.affinity.items():
        for ip in affinity.ip:
            uses.setdefault(ip.address, {})[name] = ip
    for address, by_affinity in uses.items():
        first = next(iter(by_affinity))
        error = bind_error(address)
        if error is not None:
            yield Finding(
                "error",
                f"affinity.{first}",
                f"{address} cannot be sent from on this host: {error.strerror or error}",
                "Add the address to an interface of this host, or use one of 127.0.0.0/8.",
            )
        if len({ip.helo for ip in by_affinity.values()}) > 1:
            said = ", ".join(
                f"{ip.helo or 'its address'} in {name}" for name, ip in by_affinity.items()
            )
            yield Finding(
                "warning",
                f"affinity.{first}",
                f"{address} says different names in EHLO: {said}",
                "Receivers expect one name per address: use the same helo.",
            )


def _routes(configuration: Configuration, sinks: Mapping[str, str]) -> Iterator[Finding]:
    if not configuration.route:
        yield Finding(
            "error",
            "route",
            "no route is configured: no domain can be reached",
            "Add [route.NAME] with domains and a host or a sink.",
        )
    for name, route in configuration.route.items():
        for index, place in enumerate(route.places):
            if place.sink is not None and place.sink not in sinks:
                yield Finding(
                    "error",
                    f"{_place(name, route, index)}.sink",
                    f"there is no sink {place.sink!r}{nearest(place.sink, sinks)}",
                    f"Add [sink.{place.sink}], or give the route a host.",
                )
    for sink, listen in sinks.items():
        if not ipaddress.ip_address(split_endpoint(listen)[0]).is_loopback:
            yield Finding(
                "warning",
                f"sink.{sink}.listen",
                f"{listen} can be reached from other machines",
                "Listen on 127.0.0.1, unless that is meant.",
            )
    yield from _unreachable(configuration)
    used = {place.sink for route in configuration.route.values() for place in route.places}
    for sink in sinks:
        if sink not in used:
            yield Finding(
                "warning",
                f"sink.{sink}",
                "no route leads to this sink: it receives nothing",
                f'Add a route with sink = "{sink}".',
            )


def _place(name: str, route: Route, index: int) -> str:
    return f"route.{name}.hosts[{index}]" if route.hosts else f"route.{name}"


def _unreachable(configuration: Configuration) -> Iterator[Finding]:
    """Routes to where nothing may be sent, and domains that an earlier route takes."""
    allowed = [ipaddress.ip_network(each) for each in configuration.lab.allow_networks]
    earlier: list[tuple[str, str]] = []
    for name, route in configuration.route.items():
        for index, place in enumerate(route.places):
            if place.host is None:
                continue
            host = ipaddress.ip_address(split_endpoint(place.host)[0])
            if not (host.is_loopback or any(host in network for network in allowed)):
                yield Finding(
                    "error",
                    f"{_place(name, route, index)}.host",
                    f"{host} is outside this machine, so nothing is sent there",
                    "If you mean it, add its network to allow_networks under [lab].",
                )
        for domain in route.domains:
            for mask, other in earlier:
                if covers(mask, domain):
                    yield Finding(
                        "warning",
                        f"route.{name}.domains",
                        f"{domain} goes by route {other}, which comes first and names {mask}",
                        "Put the narrower route first, or take the domain out of one of them.",
                    )
                    break
        earlier += [(mask, name) for mask in route.domains]


def _rules(configuration: Configuration) -> Iterator[Finding]:
    routes = Routes(configuration.route)
    for index, rule in enumerate(configuration.mx_rule):
        names = [
            name
            for group, route in configuration.route.items()
            for name in (*routes.mx_hosts(group), *route.domains)
        ]
        if any(covers(rule.mask, name) for name in names):
            continue
        wider = [name for name in names if is_pattern(name) and covers(name, rule.mask)]
        remedy = "Correct the mask, or remove the rule."
        if wider:
            remedy = f"It is only a part of {wider[0]}: give it a route of its own."
        yield Finding(
            "warning",
            f"mx_rule[{index}]",
            f"{rule.mask} matches no route's MX host and no route's domain: the rule is never used",
            remedy,
        )


def _warmups(configuration: Configuration) -> Iterator[Finding]:
    routes = Routes(configuration.route)
    used = {ip.address for each in configuration.affinity.values() for ip in each.ip}
    names = [
        name
        for group, route in configuration.route.items()
        for name in (*routes.mx_hosts(group), *route.domains)
    ]
    for index, plan in enumerate(configuration.warmup):
        if plan.ip not in used:
            yield Finding(
                "warning",
                f"warmup[{index}].ip",
                f"no affinity has the source IP {plan.ip}{nearest(plan.ip, used)}",
                "Add it to an affinity, or correct the address.",
            )
        if not any(covers(plan.mx, name) for name in names):
            yield Finding(
                "warning",
                f"warmup[{index}].mx",
                f"{plan.mx} matches no route's MX host and no route's domain: the plan is never "
                "used",
                "Correct the mask, or remove the plan.",
            )


def _has_weight(ips: Iterable[SourceIp]) -> bool:
    return any(ip.weight > 0 for ip in ips)


def _overlap(one: str, other: str) -> bool:
    """Whether one of two masks is at least as wide as the other."""
    return covers(one, other) or covers(other, one)


def _described(ip: SourceIp) -> str:
    parts = [ip.address]
    if ip.include:
        parts.append(f"includes {', '.join(ip.include)}")
    if ip.exclude:
        parts.append(f"excludes {', '.join(ip.exclude)}")
    return " ".join(parts)
