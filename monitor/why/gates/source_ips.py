"""Source IPs: what masks, weights, hosts and a changed configuration leave of an affinity's.

``no_source_ip_for_domain``, ``source_ips_weightless``, ``source_ip_unavailable`` and
``orphaned_source_ip``. Mail in a worker's hand has its IP; the worker asks for itself.
"""

from affinity.configuration import SourceIp
from affinity.mask import admits, matches
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def admitted(group: Group, facts: Facts) -> Stop | None:
    """The masks leave no IP; what no route leads to has another gate."""
    if group.hand is not None or group.planned or facts.route(group.mx_group) is None:
        return None
    affinity = facts.affinity(group.delivery.affinity)
    if affinity is None or facts.closed(group.mx_group):
        return None
    to = group.domain or group.mx_group
    now_admitted = [
        each.address
        for each in affinity.ip
        if group.domain is not None and admits(each.include, each.exclude, group.domain)
    ]
    evidence = {
        "domain": to,
        "source_ips": {each.address: _refused_by(each, group.domain) for each in affinity.ip},
    }
    if now_admitted:
        return Stop(
            f"it was planned when affinity {group.delivery.affinity!r} had no source IP for {to}; "
            f"by the file it now has {', '.join(now_admitted)}",
            "Have the scheduler follow the file, or plan anew by hand.",
            evidence,
            command="mtalab replan",
        )
    return Stop(
        f"the masks of affinity {group.delivery.affinity!r} leave no source IP for {to}",
        "Widen a mask: take the domain out of exclude, or add it to include.",
        evidence,
    )


def _refused_by(ip: SourceIp, domain: str | None) -> str:
    if domain is None:
        return "refuses it"
    refusing = next((each for each in ip.exclude if matches(each, domain)), None)
    if ip.include and not any(matches(each, domain) for each in ip.include):
        return f"include {', '.join(ip.include)}"
    return "admits it" if refusing is None else f"exclude {refusing}"


def weighted(group: Group, facts: Facts) -> Stop | None:
    left = _configured(group, facts)
    if group.hand is not None or not left or any(each.weight > 0 for each in left):
        return None
    named = ", ".join(each.address for each in left)
    return Stop(
        f"the source IPs left to it all have weight 0: {named}",
        "Give one of them a weight.",
        {
            "affinity": group.delivery.affinity,
            "weights": {each.address: each.weight for each in left},
        },
    )


def bindable(group: Group, facts: Facts) -> Stop | None:
    usable = [each.address for each in _configured(group, facts) if each.weight > 0]
    workers = facts.serving(group.delivery.affinity)
    if group.hand is not None or not usable or not workers or able(group, facts):
        return None
    named = ", ".join(usable)
    errors = {
        f"mta@{each.instance}-{each.id} on {each.host}": {
            ip: each.bind_errors.get(ip, "cannot be bound") for ip in usable
        }
        for each in workers
    }
    return Stop(
        f"no worker's host can send from {named}: "
        + next((error for each in errors.values() for error in each.values()), ""),
        "Add the address to the host that runs the instance, or take it out of the affinity.",
        {"source_ips": usable, "errors": errors},
        command=f"sudo ip address add {usable[0]}/{128 if ':' in usable[0] else 32} dev lo",
    )


def not_orphaned(group: Group, facts: Facts) -> Stop | None:
    affinity = facts.affinity(group.delivery.affinity)
    if group.hand is not None or affinity is None or not group.planned:
        return None
    if _configured(group, facts):
        return None
    named = ", ".join(group.planned)
    return Stop(
        f"it is planned for {named}, which affinity {group.delivery.affinity!r} no longer has",
        "Plan it anew, by the configuration as it is now.",
        {"planned": list(group.planned), "configured": [each.address for each in affinity.ip]},
        command="mtalab replan",
    )


def _configured(group: Group, facts: Facts) -> list[SourceIp]:
    affinity = facts.affinity(group.delivery.affinity)
    if affinity is None:
        return []
    return [each for each in affinity.ip if each.address in group.planned]


def able(group: Group, facts: Facts) -> tuple[str, ...]:
    """Source IPs that a group may leave from: planned, configured, weighted, bound by a worker."""
    if group.hand is not None:
        return (group.hand.source_ip,)
    workers = facts.serving(group.delivery.affinity)
    return tuple(
        each.address
        for each in _configured(group, facts)
        if each.weight > 0 and any(each.address not in one.unbindable for one in workers)
    )
