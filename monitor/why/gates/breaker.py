"""``destination_breaker``: so much failed on the lane that it is shut for a while."""

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.group import Group


def breaker(group: Group, way: Way, facts: Facts) -> Stop | None:
    found = facts.features.breakers.get((way.source_ip, way.mx_group))
    if found is None or found.until <= group.comes_at(facts.now):
        return None
    return Stop(
        f"lane {way.lane} is shut for {said_duration(found.until - facts.now)} more: "
        f"{found.error_rate:.0%} of {found.messages} messages failed there",
        "Mend what the receiver complains of, then resume the lane.",
        {
            "lane": way.lane,
            "error_rate": found.error_rate,
            "messages": found.messages,
            "last_reply": found.last_reply,
            "until": found.until,
        },
        command=f"mtalab lane resume '{way.lane.replace('>', '/')}'",
        until=found.until,
    )
