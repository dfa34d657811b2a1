"""``clock_skew``: clocks that differ by so much that leases mean nothing.

Every lease is a time by the scheduler's clock that a worker holds against its own. A worker that
is behind by half a lease is taken for silent and lent nothing; one that is ahead by a whole lease
finds that all it is lent is over already. A heartbeat from the future shows a clock that is ahead
of ours. To show one that is behind, whoever beats notes the newest heartbeat of the other side that
it finds: what it writes after that cannot be older by a right clock.
"""

from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group
from store import modules

_FIX = "Set the clocks of the machines alike (NTP), then restart what is behind or ahead."


def clocks(group: Group, facts: Facts) -> Stop | None:
    if abs(facts.seen.clock_ahead_s) > facts.lease_s:
        off = said_duration(abs(facts.seen.clock_ahead_s))
        where = "ahead of" if facts.seen.clock_ahead_s > 0 else "behind"
        return Stop(
            f"this machine's clock is {off} {where} the database server's",
            _FIX,
            {"now": facts.now, "server_at": facts.now - facts.seen.clock_ahead_s},
        )
    lead = facts.scheduler
    if facts.is_scheduling and lead is not None:
        off_s = _off(lead.heartbeat_at, lead.reference_at, facts)
        if off_s:
            return _stop("the scheduler", lead.heartbeat_at, off_s)
    if group.hand is None:
        workers = facts.serving(group.delivery.affinity)
    else:
        workers = tuple(each for each in facts.workers if each.id == group.hand.worker_id)
    found = [(skew_s(each, facts), each) for each in workers]
    if not found or not all(off_s for off_s, _ in found):
        return None  # who is right does the work
    off_s, worker = found[0]
    return _stop(f"mta@{worker.instance}-{worker.id} on {worker.host}", worker.heartbeat_at, off_s)


def skew_s(worker: modules.Worker, facts: Facts) -> float:
    """By how much a worker's clock is ahead, if that matters; below zero: behind."""
    return _off(worker.heartbeat_at, worker.reference_at, facts)


def _off(heartbeat_at: float, reference_at: float | None, facts: Facts) -> float:
    if heartbeat_at - facts.now > facts.lease_s:
        return heartbeat_at - facts.now
    # Only who is behind our clock too is behind: the other one may be ahead.
    is_old = facts.now - heartbeat_at > facts.lease_s / 2
    if is_old and reference_at is not None and reference_at - heartbeat_at > facts.lease_s / 2:
        return heartbeat_at - min(reference_at, facts.now)
    return 0.0


def _stop(who: str, its: float, off_s: float) -> Stop:
    where = "ahead of" if off_s > 0 else "behind"
    return Stop(
        f"the clock of {who} is {said_duration(abs(off_s))} {where} the others'",
        _FIX,
        {"who": who, "its_time": its, "other_time": its - off_s, "ahead_s": round(off_s, 3)},
    )
