"""Pairs of affinity and domain that can never be sent, and source IPs that never send."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from affinity.configuration import Affinity, Configuration, SourceIp
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from affinity.lint.routed import Routed
from mail.notation import split_endpoint


def reach(configuration: Configuration, every: Sequence[Routed]) -> Iterator[Finding]:
    """For each affinity what of the routed domains it cannot send to."""
    for name, affinity in configuration.affinity.items():
        weighted = [ip for ip in affinity.ip if ip.weight > 0]
        if not weighted:
            yield Finding(
                Code.AFFINITY_WEIGHTLESS,
                ("affinity", name),
                "all its source IPs have weight 0: nothing is sent",
                "Give at least one of them a weight.",
            )
        elif every and all(each.sent_by_none(weighted) for each in every):
            yield Finding(
                Code.AFFINITY_SENDS_NOTHING,
                ("affinity", name),
                "no source IP with a weight may send to any domain that has a route: "
                + "; ".join(_described(ip) for ip in affinity.ip),
                "Widen a mask, or add a route for the domains that it includes.",
            )
        else:
            yield from _refused(name, affinity, weighted, every)
            yield from _idle(name, affinity, every)


def _refused(
    name: str, affinity: Affinity, weighted: Sequence[SourceIp], every: Sequence[Routed]
) -> Iterator[Finding]:
    for each in every:
        whom = f"{each.mask} (route {each.group})"
        if each.sent_by_none(affinity.ip):
            yield Finding(
                Code.NO_SOURCE_IP_FOR_DOMAIN,
                ("affinity", name),
                f"no source IP may send to {whom}: "
                + "; ".join(_described(ip) for ip in affinity.ip),
                f"Widen a mask, unless nothing is to go to {each.mask} by this affinity.",
            )
        elif each.sent_by_none(weighted):
            addresses = ", ".join(ip.address for ip in affinity.ip if not each.sent_by_none([ip]))
            yield Finding(
                Code.SOURCE_IPS_WEIGHTLESS,
                ("affinity", name),
                f"the source IPs that may send to {whom} have weight 0: {addresses}",
                f"Give one of them a weight, or let another send to {each.mask}.",
            )
        else:
            refused = each.refused_by(weighted)
            if refused is not None:
                yield Finding(
                    Code.NO_SOURCE_IP_FOR_SOME,
                    ("affinity", name),
                    f"no source IP may send to some domains of {whom}, such as {refused}: "
                    + "; ".join(_described(ip) for ip in weighted),
                    "Widen a mask, unless nothing is to go there by this affinity.",
                )


def _idle(name: str, affinity: Affinity, every: Sequence[Routed]) -> Iterator[Finding]:
    """Source IPs of an affinity that sends, to which no routed domain is left."""
    for index, ip in enumerate(affinity.ip):
        if ip.weight > 0 and every and all(each.sent_by_none([ip]) for each in every):
            yield Finding(
                Code.SOURCE_IP_IDLE,
                ("affinity", name, "ip", index),
                f"{_described(ip)}: it may send to no domain that has a route",
                "Widen its masks, or take it out.",
            )


def families(
    configuration: Configuration, sinks: Mapping[str, str], every: Iterable[Routed]
) -> Iterator[Finding]:
    """IPv4 source IPs that may send where only IPv6 leads, and the reverse."""
    by_group: dict[str, list[Routed]] = {}
    for each in every:
        by_group.setdefault(each.group, []).append(each)
    for group, masks in by_group.items():
        ends = [
            place.host or sinks.get(place.sink or "") for place in configuration.route[group].places
        ]
        reached = [end for end in ends if end is not None]
        kinds = {":" in split_endpoint(end)[0] for end in reached}
        if len(kinds) != 1:
            continue  # it leads nowhere, which is said elsewhere, or to both kinds
        for name, affinity in configuration.affinity.items():
            unfit = [
                ip.address
                for ip in affinity.ip
                if ip.weight > 0
                and (":" in ip.address) not in kinds
                and any(each.sent_by(ip) is not None for each in masks)
            ]
            if unfit:
                domains = ", ".join(each.mask for each in masks)
                yield Finding(
                    Code.ADDRESS_FAMILY,
                    ("affinity", name),
                    f"{', '.join(unfit)} cannot connect to {', '.join(reached)} (route {group}): "
                    "one is IPv4, the other IPv6",
                    f"Exclude {domains} there, or let the route lead to an address of the same "
                    "kind.",
                )


def names(configuration: Configuration) -> Iterator[Finding]:
    """Addresses that say different names in different affinities."""
    uses: dict[str, dict[str, SourceIp]] = {}
    for name, affinity in configuration.affinity.items():
        for ip in affinity.ip:
            uses.setdefault(ip.address, {})[name] = ip
    for address, by_affinity in uses.items():
        if len({ip.helo for ip in by_affinity.values()}) > 1:
            said = ", ".join(
                f"{ip.helo or 'its address'} in {name}" for name, ip in by_affinity.items()
            )
            yield Finding(
                Code.HELO_DIFFERS,
                ("affinity", next(iter(by_affinity))),
                f"{address} says different names in EHLO: {said}",
                "Receivers expect one name per address: use the same helo.",
            )


def _described(ip: SourceIp) -> str:
    parts = [ip.address]
    if ip.include:
        parts.append(f"includes {', '.join(ip.include)}")
    if ip.exclude:
        parts.append(f"excludes {', '.join(ip.exclude)}")
    return " ".join(parts)
