"""``warmup_quota``: what a new source IP may send on one day is used up."""

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.group import Group


def warmup(group: Group, way: Way, facts: Facts) -> Stop | None:
    found = facts.features.quotas.get((way.source_ip, way.mx_group))
    if found is None or found.used < found.quota:
        return None
    if found.next_day_at <= group.comes_at(facts.now):
        return None
    return Stop(
        f"{way.source_ip} has sent the {found.quota} messages that its warm-up allows on this day; "
        f"the next day begins in {said_duration(found.next_day_at - facts.now)}",
        "Wait for the next day, or give the affinity another source IP.",
        {
            "source_ip": way.source_ip,
            "day": found.day,
            "used": found.used,
            "quota": found.quota,
            "next_day_at": found.next_day_at,
        },
        until=found.next_day_at,
    )
