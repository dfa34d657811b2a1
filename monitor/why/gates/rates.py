"""``rate_limited``: the messages per hour that a rule allows are used up for now."""

import math
from typing import Final

from affinity.slots import Slots
from mail.notation import said_duration
from monitor.why.ceiling import ceiling
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.gates.source_ips import able
from monitor.why.group import Group, Place, Stand

# A limiter in use all the time is free for as long as the last message's outcome takes to be known.
SETTLING_S: Final = 0.25


def rate(group: Group, way: Way, facts: Facts) -> Stop | None:
    if group.hand is not None and group.hand.stand is not Stand.WAITING:
        return None  # it has gone
    limit = way.limits.rate
    if limit is None or way.tat is None:
        return None
    at = group.comes_at(facts.now)
    slack = 0.0 if group.place is Place.RETRYING else SETTLING_S
    if limit.earliest(way.tat) <= at - slack:
        return None
    ahead = _ahead(group, way, facts)
    turn = limit.earliest(limit.after(way.tat, facts.now, ahead))
    until = max(at, turn if math.isfinite(turn) else at)
    rule = way.limits.because["messages_per_hour"]
    whom = "all source IPs together" if way.limits.shared else "each source IP"
    top = ceiling(way.limits)
    slots = " in slots of five minutes" if isinstance(limit, Slots) else ""
    return Stop(
        f"the {way.limits.messages_per_hour} messages an hour{slots} from {whom} are used up for "
        f"now (MX rule {rule}); the next may go in {said_duration(max(0.0, until - facts.now))}",
        f"Wait, or raise messages_per_hour of the MX rule {rule}.",
        {
            "lane": way.lane,
            "rule": rule,
            "messages_per_hour": way.limits.messages_per_hour,
            "pacing": way.limits.pacing,
            "in_hand": way.held,
            "next_at": until,
            "ceiling": top.messages_per_hour,
            "ceiling_set_by": top.setting,
        },
        until=until,
    )


def _ahead(group: Group, way: Way, facts: Facts) -> int:
    """How many messages go before it on this lane at least: those in hand, then those before it."""
    if group.hand is not None:
        return group.ahead
    # What is in flight has had its turn.
    in_hand = max(0, way.held - sum(each.in_flight for each in way.reports))
    is_first = group.place is not Place.QUEUED
    return 0 if is_first else in_hand + group.ahead // max(1, len(able(group, facts)))
