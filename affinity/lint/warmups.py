"""Warm-up plans that are never used."""

from collections.abc import Iterator

from affinity.configuration import Configuration
from affinity.expected import nearest
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from affinity.mask import covers
from affinity.route import Routes


def warmups(configuration: Configuration) -> Iterator[Finding]:
    """Each plan, in file order."""
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
                Code.WARMUP_IP_UNUSED,
                ("warmup", index, "ip"),
                f"no affinity has the source IP {plan.ip}{nearest(plan.ip, used)}",
                "Add it to an affinity, or correct the address.",
            )
        if not any(covers(plan.mx, name) for name in names):
            yield Finding(
                Code.WARMUP_UNMATCHED,
                ("warmup", index, "mx"),
                f"{plan.mx} matches no route's MX host and no route's domain: the plan is never "
                "used",
                "Correct the mask, or remove the plan.",
            )
