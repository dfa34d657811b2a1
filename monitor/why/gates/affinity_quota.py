"""``affinity_quota``: what an affinity may send on one day is used up."""

from affinity.warmup import account_of
from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group, Place


def affinity_quota(group: Group, facts: Facts) -> Stop | None:
    affinity = group.delivery.affinity
    found = facts.features.quotas.get(account_of(affinity))
    if found is None or found.used < found.quota or group.place is Place.IN_HAND:
        return None
    if found.next_day_at <= group.comes_at(facts.now):
        return None
    return Stop(
        f"affinity {affinity!r} has sent the {found.quota} messages that it may send on one day; "
        f"the next day begins in {said_duration(found.next_day_at - facts.now)}",
        "Wait for the next day, or raise messages_per_day of the affinity.",
        {
            "affinity": affinity,
            "day": found.day,
            "used": found.used,
            "quota": found.quota,
            "next_day_at": found.next_day_at,
        },
        until=found.next_day_at,
    )
