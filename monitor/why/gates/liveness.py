"""``scheduler_not_running`` and ``mta_not_started``: those who should move mail are not there."""

from collections.abc import Mapping

from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group, Place


def scheduler(group: Group, facts: Facts) -> Stop | None:
    """What a worker that lives has in hand goes out without one."""
    hand = group.hand
    if facts.is_scheduling or (
        hand is not None and hand.worker is not None and facts.is_heard(hand.worker)
    ):
        return None
    found = facts.scheduler
    if found is None:
        seen = "none has run on this store yet"
    elif found.stopped_at is not None:
        seen = f"it was stopped {said_duration(max(0.0, facts.now - found.stopped_at))} ago"
    else:
        silent = said_duration(facts.now - found.heartbeat_at)
        seen = f"it was last heard {silent} ago (pid {found.pid} on {found.host})"
    return Stop(
        f"no scheduler is running: {seen}",
        "Start the lab; or only a scheduler, with `mtalab scheduler`.",
        {
            "heartbeat_at": None if found is None else found.heartbeat_at,
            "stopped_at": None if found is None else found.stopped_at,
        },
        command="mtalab up",
    )


def instances(group: Group, facts: Facts) -> Stop | None:
    hand = group.hand
    if facts.workers or facts.instances:
        return None
    if group.place is Place.IN_HAND and hand is not None and hand.worker is not None:
        return None  # its lease tells more
    names = sorted({*facts.configuration.mta, *(each.name for each in facts.view.instances)})
    seen = {each.name: each for each in facts.view.instances}
    evidence = [
        {
            "name": f"mta@{name}",
            "heartbeat_at": seen[name].heartbeat_at if name in seen else None,
            "stopped_at": seen[name].stopped_at if name in seen else None,
            "stopped_by": facts.view.halts[name].by if name in facts.view.halts else None,
        }
        for name in names
    ]
    halted = [name for name in names if name in facts.view.halts]
    if halted:
        by = facts.view.halts[halted[0]].by
        which = ", ".join(f"mta@{name}" for name in halted)
        return Stop(
            f"no MTA instance is running: {which} was stopped by hand ({by})",
            "Start it again.",
            {"instances": evidence},
            command=f"mtalab mta start {halted[0]}",
        )
    if not names:
        return Stop(
            "no MTA instance is running: none is configured",
            "Add [mta.NAME] with its affinities.",
            {"instances": evidence},
        )
    return Stop(
        "no MTA instance is running: " + "; ".join(_last_seen(each, facts) for each in evidence),
        "Start the lab; or only an instance, with `mtalab mta run`.",
        {"instances": evidence},
        command="mtalab up" if len(names) > 1 else f"mtalab mta run {names[0]}",
    )


def _last_seen(each: Mapping[str, object], facts: Facts) -> str:
    at = each["heartbeat_at"]
    if not isinstance(at, float):
        return f"{each['name']} was never started"
    return f"{each['name']} was last heard {said_duration(max(0.0, facts.now - at))} ago"
