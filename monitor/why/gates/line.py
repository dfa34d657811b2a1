"""The end of the line: ``behind_other_work``, and ``no_progress`` where nothing explains it."""

import math
from typing import Final

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Evidence, Stop
from monitor.why.gates.source_ips import able
from monitor.why.gates.workers import has_room
from monitor.why.group import Group, Place, Stand

NOTHING_MOVED_S: Final = 60.0


def turn(group: Group, facts: Facts) -> Stop | None:
    """Other deliveries' mail fills what there is to fill."""
    if group.place is not Place.QUEUED or facts.seen.store_trouble is not None:
        return None
    ways = ways_of(group, facts)
    if not ways or has_room(group, ways, facts):
        return None
    others = sum(
        each.messages for way in ways for each in way.lent if each.delivery_id != group.delivery.id
    )
    if not others:
        return None
    evidence = place_in_line(group, facts)
    return Stop(
        f"other deliveries' mail to {group.mx_group} goes first: {evidence['ahead']} messages are "
        f"before it{_expected(evidence)}",
        "Wait for its turn; or run more workers, or submit it with a higher --priority.",
        {**evidence, "of_others": others},
        moves=True,
    )


def progress(group: Group, facts: Facts) -> Stop | None:
    """Nothing stops it, and yet it does not move."""
    hand = group.hand
    if group.place is Place.RETRYING or (hand is not None and hand.stand is not Stand.WAITING):
        return None
    since = _moved_at(group, facts)
    if since is None or facts.now - since <= NOTHING_MOVED_S:
        return None
    still = said_duration(facts.now - since)
    return Stop(
        f"nothing stops it, and nothing has moved for {still}",
        "Please report it, with what `mtalab why --json` and `mtalab status --json` say: a bug.",
        {"since": since, **place_in_line(group, facts)},
    )


def _moved_at(group: Group, facts: Facts) -> float | None:
    """The last time at which something happened that could have set it free."""
    hand, delivery = group.hand, group.delivery
    lead = facts.scheduler
    times = [
        delivery.contact_at,
        delivery.submitted_at,
        facts.view.noted_at or 0.0,
        0.0 if lead is None else lead.started_at,
    ]
    if hand is not None:
        times.append(hand.leased_at)
    elif group.first_part is None:
        times.append(group.due_at)
    elif group.queued_at is None:
        return None  # nobody knows since when it waits
    else:
        times.append(group.queued_at)
    workers = (
        facts.serving(delivery.affinity)
        if hand is None
        else [each for each in facts.workers if each.id == hand.worker_id]
    )
    times.extend(max(each.progress_at or 0.0, each.started_at) for each in workers)
    for way in ways_of(group, facts):
        times.extend(each.leased_at for each in way.lent)
        if way.limits.rate is not None:
            times.append(way.limits.rate.earliest(way.tat))
        times.append(way.state.suspended_until or 0.0)
        times.extend(each.down_until or 0.0 for each in way.reports)
    return max(each for each in times if each < math.inf)


def ways_of(group: Group, facts: Facts) -> list[Way]:
    return [facts.way(ip, group.mx_group) for ip in able(group, facts)]


def place_in_line(group: Group, facts: Facts) -> Evidence:
    """How many messages are before it, how fast they go, and when it may be its turn."""
    held = {way.lane: way.held for way in ways_of(group, facts)}
    ahead = group.ahead + (sum(held.values()) if group.hand is None else 0)
    rate = facts.rate(group.mx_group)
    return {
        "ahead": ahead,
        "per_second": round(rate, 3),
        "expected_s": round(ahead / rate, 3) if rate else None,
    }


def _expected(evidence: Evidence) -> str:
    if not evidence["expected_s"]:
        return ""
    return (
        f", which at {evidence['per_second']:.3g}/s take about "
        f"{said_duration(evidence['expected_s'])}"
    )
