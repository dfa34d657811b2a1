"""Where mail cannot get: ``destination_unreachable``, ``no_mx``, ``tls_required_not_offered``.

What an attempt met is with the message (``retries``). Here are routes that lead nowhere, and lanes
on which a worker can make no connection just now.
"""

from collections.abc import Callable

from mail.cause import Cause
from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.gates import retries
from monitor.why.group import Group, Place, Stand


def reachable(group: Group, facts: Facts) -> Stop | None:
    hosts = facts.closed(group.mx_group)
    if group.hand is None and hosts:
        named = ", ".join(hosts)
        return Stop(
            f"{named}: outside this machine, and not in allow_networks",
            "If you mean it, add its network to allow_networks under [lab].",
            {"hosts": list(hosts)},
        )
    return retries.waits_for(Cause.DESTINATION_UNREACHABLE)(group, facts)


def routed(group: Group, facts: Facts) -> Stop | None:
    if group.hand is None and facts.route(group.mx_group) is None:
        now_in = facts.routes.group_of(group.domain or group.mx_group)
        if facts.route(now_in) is not None:
            return Stop(
                f"it was planned when no route led to {group.mx_group}; now route {now_in} does",
                "Have the scheduler follow the file, or plan anew by hand.",
                {"mx_group": group.mx_group, "route": now_in},
                command="mtalab replan",
            )
        return Stop(
            f"no route leads to {group.mx_group}",
            f"Add a [route.NAME] whose domains name {group.mx_group}.",
            {"mx_group": group.mx_group},
        )
    return retries.waits_for(Cause.NO_MX)(group, facts)


def connects(cause: Cause) -> Callable[[Group, Way, Facts], Stop | None]:
    """The gate for lanes of which every worker there is says this of its last attempt."""

    def ask(group: Group, way: Way, facts: Facts) -> Stop | None:
        if group.place is Place.RETRYING or (
            group.hand is not None and group.hand.stand is not Stand.WAITING
        ):
            return None
        troubles = [each.trouble for each in way.reports if each.trouble is not None]
        if len(troubles) < max(1, len(way.reports)) or way.limits is None:
            return None
        first = min(troubles, key=lambda each: each.since)
        is_tls = first.cause is Cause.TLS_REQUIRED_NOT_OFFERED
        if is_tls is not (cause is Cause.TLS_REQUIRED_NOT_OFFERED):
            return None
        downs = [each.down_until for each in way.reports if each.down_until is not None]
        until = max(facts.now, min(downs, default=facts.now))
        return Stop(
            f"no connection on lane {way.lane} since "
            f"{said_duration(max(0.0, facts.now - first.since))}: {first.text}; the next is tried "
            f"in {said_duration(until - facts.now)}",
            retries.FIXES[cause],
            {
                "lane": way.lane,
                "error": first.text,
                "stage": first.stage,
                "since": first.since,
                "next_try_at": until,
            },
            until=until,
        )

    return ask
