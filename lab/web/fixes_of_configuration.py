"""Buttons that change the lab's file; the API refuses what is not valid, and has it followed."""

from typing import Any, Final

from lab.web.remedy import Around, Fix, key_of
from monitor.why.finding import Finding

CHOICES_MAX: Final = 6  # buttons of one finding
_PATH: Final = "/api/v1/configuration"


def _change(label: str, key: str, value: Any, confirm: str, done: str) -> Fix:
    return Fix(label, _PATH, {"set": {key: value}}, confirm=confirm, done=done)


def allow_one_more(found: Finding, _: Around) -> tuple[Fix, ...]:
    more = found.evidence["limit"] + 1
    return (
        _change(
            f"Allow {more} deliveries at once",
            "scheduler.max_deliveries",
            more,
            f"Set max_deliveries to {more} in the lab's file?",
            f"{more} deliveries may be under way.",
        ),
    )


def add_affinity(found: Finding, around: Around) -> tuple[Fix, ...]:
    """A choice of the instances; those that should have it already are had follow the file."""
    name = str(found.evidence["affinity"])
    if name not in around.configuration.affinity:
        return ()
    instances = list(around.configuration.mta.items())[:CHOICES_MAX]
    if any(name in each.affinities for _, each in instances):
        return tuple(
            _change(
                f"Have mta@{instance} follow the file",
                key_of("mta", instance, "affinities"),
                list(each.affinities),
                "",
                f"mta@{instance} was told to follow the file.",
            )
            for instance, each in instances
            if name in each.affinities
        )
    return tuple(
        _change(
            f"Give {name} to mta@{instance}",
            key_of("mta", instance, "affinities"),
            [*each.affinities, name],
            f"Add {name} to the affinities of mta@{instance} in the lab's file?",
            f"mta@{instance} has affinity {name}.",
        )
        for instance, each in instances
    )


def give_weight(found: Finding, around: Around) -> tuple[Fix, ...]:
    """A choice of the source IPs that are left to it."""
    weights = found.evidence["weights"]
    return tuple(
        _change(
            f"Give {each.address} weight 1",
            key_of("affinity", affinity, "ip", str(place), "weight"),
            1,
            f"Set the weight of {each.address} in affinity {affinity} to 1 in the lab's file?",
            f"{each.address} has weight 1.",
        )
        for affinity, found_there in around.configuration.affinity.items()
        if affinity == found.evidence["affinity"]
        for place, each in enumerate(found_there.ip)
        if each.address in weights
    )[:CHOICES_MAX]


def route_there(found: Finding, around: Around) -> tuple[Fix, ...]:
    """A choice of the routes; none where one leads there, and the receiver knows no such name."""
    domain = found.evidence.get("mx_group")
    if domain is None or "route" in found.evidence:
        return ()
    return tuple(
        _change(
            f"Send mail to {domain} by route {name}",
            key_of("route", name, "domains"),
            [*route.domains, domain],
            f"Add {domain} to the domains of route {name} in the lab's file?",
            f"Route {name} leads to {domain}; its mail is planned anew.",
        )
        for name, route in list(around.configuration.route.items())[:CHOICES_MAX]
    )
