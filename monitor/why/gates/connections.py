"""``connection_limit``: all connections that a rule allows are busy."""

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.group import Group, Place, Stand
from store.reports import LaneReport


def connections(group: Group, way: Way, facts: Facts) -> Stop | None:
    if group.place is Place.RETRYING or (
        group.hand is not None and group.hand.stand is not Stand.WAITING
    ):
        return None
    most = way.limits.max_connections
    full = [each for each in way.reports if each.waiting and is_busy(each)]
    if most is None or not full:
        return None
    oldest = max(
        facts.told_at(each) - phase.since for each in full for phase in each.phases.values()
    )
    rule = way.limits.because["max_connections"]
    said = "connection" if most == 1 else "connections"
    return Stop(
        f"the {most} {said} that MX rule {rule} allows on lane {way.lane} are busy; one has "
        f"waited {said_duration(max(0.0, oldest))} for its receiver",
        f"Raise max_connections of the MX rule {rule}, or find why its receiver is slow.",
        {
            "lane": way.lane,
            "rule": rule,
            "max_connections": most,
            "open": max(each.taken for each in full),
            "oldest_s": round(oldest, 3),
            "waiting": sum(each.waiting for each in full),
        },
        moves=True,
    )


def is_busy(report: LaneReport) -> bool:
    """Whether there is a connection more neither to be had nor idle."""
    return report.taken >= report.allowed and bool(report.phases) and "idle" not in report.phases
