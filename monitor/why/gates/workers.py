"""Workers: gone with mail in hand, stuck, or with no room for more.

``lease_of_dead_worker``, ``worker_stalled``, ``workers_busy``.
"""

from typing import Final

from mail.notation import said_duration
from monitor.why.facts import Facts, Way, heard_at
from monitor.why.finding import Stop
from monitor.why.gates.receivers import overdue
from monitor.why.gates.source_ips import able
from monitor.why.group import Group, Hand, Place, Stand
from store.modules import Worker

STALLED_AFTER_S: Final = 30.0  # an answer is in the store within a second
BUSY_AFTER_S: Final = 30.0  # what is lent is usually sent within seconds


def alive(group: Group, facts: Facts) -> Stop | None:
    """The lease of a worker that is gone runs until somebody takes it back."""
    hand = group.hand
    if hand is None or hand.stand is Stand.KNOWN:
        return None
    if hand.worker is not None and facts.is_heard(hand.worker):
        return None
    if hand.name in facts.seen.stopped:
        return None  # it is there, and does nothing
    until = lease_over_at(group, facts)
    last = None if hand.worker is None else heard_at(hand.worker)
    silent = "is gone" if last is None else f"was last heard {said_duration(facts.now - last)} ago"
    return Stop(
        f"{hand.name} has it and {silent}; its lease ends in "
        f"{said_duration(max(0.0, until - facts.now))}",
        "Wait: it is taken back then. Nothing is sent twice before it is known that the worker is "
        "gone.",
        {
            "worker": hand.name,
            "heartbeat_at": last,
            "leased_until": hand.leased_until,
            "lease_over_at": until,
        },
        until=max(facts.now, until),
    )


def lease_over_at(group: Group, facts: Facts) -> float:
    """When the scheduler takes back what a silent worker holds: it must have listened so long."""
    hand = group.hand
    assert hand is not None, "what nobody holds has no lease"
    if hand.worker is None:
        return hand.leased_until
    listens_since = 0.0 if facts.scheduler is None else facts.scheduler.started_at
    return max(heard_at(hand.worker), listens_since) + facts.lease_s


def moving(group: Group, facts: Facts) -> Stop | None:
    """A worker that lives gets nowhere with it."""
    hand = group.hand
    if hand is not None and hand.worker is not None and hand.name in facts.seen.stopped:
        return _stopped(group, hand, hand.worker, facts)
    if hand is None or hand.worker is None or hand.stand in (Stand.KNOWN, Stand.WAITING):
        return None
    if hand.worker.trouble is not None:
        return None  # it gets nowhere for a reason that it tells
    way = facts.way(hand.source_ip, group.mx_group)
    mine = [each for each in way.reports if each.worker_id == hand.worker_id]
    found = next((late for each in mine if (late := overdue(each, way, facts))), None)
    if hand.stand in (Stand.SLOW, Stand.IN_FLIGHT) and found is not None:
        phase, age = found
        what = f"a connection has been in {phase} for {said_duration(age)}, past its timeout"
    else:
        since = max(hand.leased_at, hand.worker.progress_at or 0.0, hand.worker.started_at)
        phase, age = "not taken up", facts.now - since
        if hand.stand is not Stand.UNTOLD or age <= STALLED_AFTER_S:
            return None
        what = f"it has neither begun with it nor told of anything for {said_duration(age)}"
    name = hand.worker.instance
    return Stop(
        f"{hand.name} lives, but {what}",
        f"Restart the worker: end process {hand.worker.pid} on {hand.worker.host}, the instance "
        "starts another. And please report it: it is a bug.",
        {"worker": hand.name, "pid": hand.worker.pid, "phase": phase, "seconds": round(age, 3)},
        command=f"mtalab mta stop {name} && mtalab mta start {name}",
    )


def _stopped(group: Group, hand: Hand, worker: Worker, facts: Facts) -> Stop:
    silent_s = max(0.0, facts.now - heard_at(worker))
    until = max(facts.now, lease_over_at(group, facts))
    return Stop(
        f"{hand.name} was stopped by a signal (SIGSTOP) with it in hand, "
        f"{said_duration(silent_s)} ago",
        f"Let process {worker.pid} on {worker.host} go on; or wait: its instance ends it when its "
        f"lease is over, in {said_duration(until - facts.now)}, and another takes the mail.",
        {"worker": hand.name, "pid": worker.pid, "phase": "stopped", "seconds": round(silent_s, 3)},
        command=f"kill -CONT {worker.pid}",
        until=until,
    )


def room(group: Group, facts: Facts) -> Stop | None:
    """No worker that could take it has room, and has had none for a while."""
    if group.place is not Place.QUEUED or facts.seen.store_trouble is not None:
        return None
    workers = facts.serving(group.delivery.affinity)
    if not workers:
        which = ", ".join(
            f"mta@{each.name}"
            for each in facts.instances
            if group.delivery.affinity in each.affinities
        )
        return Stop(
            f"{which or 'its MTA instance'} runs, but none of its workers does",
            "Wait for its workers to start; `mtalab status` and the instance's log tell of them.",
            {"workers": {}},
            moves=True,
        )
    ways = [facts.way(ip, group.mx_group) for ip in able(group, facts)]
    if not ways or has_room(group, ways, facts):
        return None
    lent = [each for way in ways for each in way.lent]
    longest = facts.now - min(each.leased_at for each in lent)
    if longest <= BUSY_AFTER_S:
        return None
    held: dict[str, int] = {}
    for each in lent:
        worker = facts.by_number.get(each.worker_id)
        name = (
            f"worker {each.worker_id}" if worker is None else f"mta@{worker.instance}-{worker.id}"
        )
        held[name] = held.get(name, 0) + each.messages
    named = ", ".join(f"{name} has {count}" for name, count in held.items())
    return Stop(
        f"no worker has room for more to {group.mx_group}: {named} messages in hand, some for "
        f"{said_duration(longest)}",
        "Run more workers (workers of the instance), or allow them more connections.",
        {"workers": held, "longest_s": round(longest, 3), "window": window(facts)},
        moves=True,
    )


def window(facts: Facts) -> int:
    """Messages that a worker may hold on a lane."""
    return facts.configuration.scheduler.lane_window


def has_room(group: Group, ways: list[Way], facts: Facts) -> bool:
    """Whether a worker may be lent a part of the group now, as the scheduler reckons."""
    return any(_has_room(group, way, facts) for way in ways)


def _has_room(group: Group, way: Way, facts: Facts) -> bool:
    held: dict[int, int] = {}
    for each in way.lent:
        held[each.worker_id] = held.get(each.worker_id, 0) + each.messages
    fit = [
        each.id
        for each in facts.serving(group.delivery.affinity)
        if way.source_ip not in each.unbindable
    ]
    if way.limits.is_limited and held:  # it has an owner
        fit = [each for each in fit if each in held] if len(held) == 1 else []
    most = window(facts)
    if way.limits.rate is not None:
        most = min(most, way.limits.rate.room(way.tat, facts.now, facts.lease_s))
    size = group.part_messages
    return any(held.get(each, 0) == 0 or held[each] + size <= most for each in fit)
