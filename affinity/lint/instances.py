"""Instances, and affinities and source IPs that belong to none."""

from collections.abc import Iterator

from affinity.configuration import Configuration
from affinity.expected import nearest
from affinity.lint.code import Code
from affinity.lint.finding import Finding


def instances(configuration: Configuration) -> Iterator[Finding]:
    """Instances that are missing, or name what is not there."""
    if not configuration.mta:
        yield Finding(
            Code.NO_INSTANCE,
            ("mta",),
            "no MTA instance is configured: nothing is sent",
            "Add [mta.NAME] with its affinities.",
        )
    for name, instance in configuration.mta.items():
        for index, affinity in enumerate(instance.affinities):
            if affinity not in configuration.affinity:
                hint = nearest(affinity, configuration.affinity)
                yield Finding(
                    Code.UNKNOWN_AFFINITY,
                    ("mta", name, "affinities", index),
                    f"affinity {affinity!r} is not defined{hint}",
                    f"Add [affinity.{affinity}], or take the name out.",
                )


def unserved(configuration: Configuration) -> Iterator[Finding]:
    """Affinities that no instance has, and source IPs that are in no others."""
    served = {name for each in configuration.mta.values() for name in each.affinities}
    owned = {
        ip.address
        for name, affinity in configuration.affinity.items()
        if name in served
        for ip in affinity.ip
    }
    for name, affinity in configuration.affinity.items():
        if name in served:
            continue
        yield Finding(
            Code.AFFINITY_NOT_SERVED,
            ("affinity", name),
            "no MTA instance has this affinity: its deliveries stay pending",
            "Name it under affinities of an [mta.NAME].",
        )
        orphans = [ip.address for ip in affinity.ip if ip.address not in owned]
        if orphans:
            yield Finding(
                Code.SOURCE_IP_NOT_OWNED,
                ("affinity", name, "ip"),
                f"no MTA instance sends from {', '.join(orphans)}",
                "Let an instance serve the affinity, or take the addresses out.",
            )
