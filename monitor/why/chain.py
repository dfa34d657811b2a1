"""The gates in their order, and the walk of a group through them.

The first gate that a group does not pass is its cause. Gates of a lane close ways, one source IP
each: such a gate holds a group up when it closes the last way that the gates before it left open.
What stops a group for good is looked for behind the first cause too, since the earliest time at
which it can go is the latest that any gate asks for.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mail.cause import Cause
from mail.states import DeliveryStatus
from monitor.why.facts import Facts, Way
from monitor.why.finding import Step, Stop
from monitor.why.gates import (
    affinities,
    affinity_quota,
    breaker,
    clocks,
    concurrency,
    confirmation,
    connections,
    dates,
    destinations,
    lane_suspension,
    line,
    liveness,
    pause,
    rates,
    receivers,
    recording,
    retries,
    source_ips,
    warmup,
    waves,
    workers,
)
from monitor.why.group import Group, Stand
from monitor.why.passed import told

Ask = Callable[[Group, Facts], Stop | None]
AskWay = Callable[[Group, Way, Facts], Stop | None]


@dataclass(frozen=True, slots=True)
class Gate:
    """A question about a group, about each of its ways, or both.

    ``lasts``: its answer holds until somebody changes something or its own time comes, so that it
    counts behind another cause too; the others tell of this very moment.
    """

    cause: Cause
    ask: Ask | None = None
    ask_way: AskWay | None = None
    lasts: bool = True


_NOW: Final = False
GATES: Final = (
    Gate(Cause.DELIVERY_NOT_CONFIRMED, confirmation.confirmation),
    Gate(Cause.CONTACT_DATE_AHEAD, dates.contact_date),
    Gate(Cause.WAVE_NOT_DUE, waves.wave),
    Gate(Cause.CONCURRENCY_LIMIT, concurrency.concurrency),
    Gate(Cause.DELIVERY_PAUSED, pause.pause),
    Gate(Cause.SCHEDULER_NOT_RUNNING, liveness.scheduler),
    Gate(Cause.CLOCK_SKEW, clocks.clocks),
    Gate(Cause.MTA_NOT_STARTED, liveness.instances),
    Gate(Cause.AFFINITY_NOT_CONFIGURED, affinities.configured),
    Gate(Cause.AFFINITY_ON_STOPPED_MTA, affinities.started),
    Gate(Cause.NO_SOURCE_IP_FOR_DOMAIN, source_ips.admitted),
    Gate(Cause.SOURCE_IPS_WEIGHTLESS, source_ips.weighted),
    Gate(Cause.SOURCE_IP_UNAVAILABLE, source_ips.bindable),
    Gate(Cause.ORPHANED_SOURCE_IP, source_ips.not_orphaned),
    Gate(Cause.LANE_SUSPENDED, ask_way=lane_suspension.suspension),
    Gate(Cause.DESTINATION_BREAKER, ask_way=breaker.breaker),
    Gate(Cause.RATE_LIMITED, ask_way=rates.rate),
    Gate(Cause.CONNECTION_LIMIT, ask_way=connections.connections, lasts=_NOW),
    Gate(Cause.WARMUP_QUOTA, ask_way=warmup.warmup),
    Gate(Cause.AFFINITY_QUOTA, affinity_quota.affinity_quota),
    Gate(Cause.RETRY_LATER, retries.waits_for(Cause.RETRY_LATER)),
    Gate(Cause.GREYLISTED, retries.waits_for(Cause.GREYLISTED)),
    Gate(
        Cause.DESTINATION_UNREACHABLE,
        destinations.reachable,
        destinations.connects(Cause.DESTINATION_UNREACHABLE),
    ),
    Gate(Cause.NO_MX, destinations.routed),
    Gate(
        Cause.TLS_REQUIRED_NOT_OFFERED,
        retries.waits_for(Cause.TLS_REQUIRED_NOT_OFFERED),
        destinations.connects(Cause.TLS_REQUIRED_NOT_OFFERED),
    ),
    Gate(Cause.RECEIVER_SLOW, ask_way=receivers.slow, lasts=_NOW),
    Gate(Cause.LEASE_OF_DEAD_WORKER, workers.alive, lasts=_NOW),
    Gate(Cause.WORKER_STALLED, workers.moving, lasts=_NOW),
    Gate(Cause.WORKERS_BUSY, workers.room, lasts=_NOW),
    Gate(Cause.BEHIND_OTHER_WORK, line.turn, lasts=_NOW),
    Gate(Cause.STORE_UNWRITABLE, recording.writable, lasts=_NOW),
    Gate(Cause.OUTCOME_NOT_RECORDED, recording.recorded, lasts=_NOW),
    Gate(Cause.MESSAGE_TOO_LARGE, retries.waits_for(Cause.MESSAGE_TOO_LARGE)),
    Gate(Cause.NO_PROGRESS, line.progress, lasts=_NOW),
)

# What is about to be ended, or was answered already, needs somebody who writes that down.
_TO_BE_ENDED: Final = frozenset(
    {
        Cause.SCHEDULER_NOT_RUNNING,
        Cause.LEASE_OF_DEAD_WORKER,
        Cause.WORKER_STALLED,
        Cause.STORE_UNWRITABLE,
        Cause.OUTCOME_NOT_RECORDED,
    }
)
_SENDABLE: Final = (
    DeliveryStatus.EDITING,
    DeliveryStatus.READY,
    DeliveryStatus.START_PENDING,
    DeliveryStatus.IN_PROGRESS,
    DeliveryStatus.PAUSED,
)


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a group got: the first gate that stopped it, and those that would stop it later."""

    cause: Cause | None
    stop: Stop | None
    also: tuple[Cause, ...]
    earliest_at: float | None  # None: never, or nobody knows


def is_to_be_ended(group: Group, now: float) -> bool:
    """Whether nothing of it will be sent any more: it is cancelled, or past its validity."""
    delivery = group.delivery
    return delivery.status not in _SENDABLE or delivery.expires_at <= now


def walk(group: Group, facts: Facts) -> Walk:
    """Take a group through the gates."""
    cause, first, also = None, None, list[Cause]()
    earliest = facts.now
    for gate, stop in stops(group, facts):
        if first is None:
            cause, first = gate.cause, stop
        elif gate.lasts:
            also.append(gate.cause)
        else:
            continue
        earliest = max(earliest, math.inf if stop.until is None else stop.until)
    is_over = is_to_be_ended(group, facts.now) or earliest >= group.delivery.expires_at
    return Walk(cause, first, tuple(also), None if is_over else earliest)


def steps(group: Group, facts: Facts) -> Iterator[Step]:
    """Each gate's answer, for one message."""
    found = walk(group, facts)
    is_behind = False
    asked = relevant(group, facts)
    for gate in GATES:
        if gate.cause is found.cause and found.stop is not None:
            is_behind = True
            yield Step(gate.cause, "failed", found.stop.words, found.stop.evidence)
        elif is_behind:
            later = gate.cause in found.also
            yield Step(gate.cause, "not reached", "would stop it too" if later else "")
        else:
            is_asked = gate.cause in asked
            words = told(gate.cause, group, facts) if is_asked else "not asked: it will not be sent"
            yield Step(gate.cause, "passed", words)


def relevant(group: Group, facts: Facts) -> frozenset[Cause]:
    """The gates that can hold up a group as it stands."""
    is_known = group.hand is not None and group.hand.stand is Stand.KNOWN
    if is_known or is_to_be_ended(group, facts.now):
        return _TO_BE_ENDED
    return _EVERY


_EVERY: Final = frozenset(Cause)


def stops(group: Group, facts: Facts) -> Iterator[tuple[Gate, Stop]]:
    """The gates that stop a group, in their order."""
    asked = relevant(group, facts)
    open_ways = {ip: facts.way(ip, group.mx_group) for ip in source_ips.able(group, facts)}
    closed: dict[str, Stop] = {}
    for gate in GATES:
        if gate.cause not in asked:
            continue
        stop = None if gate.ask is None else gate.ask(group, facts)
        if stop is None and gate.ask_way is not None and open_ways:
            closing = {
                ip: found
                for ip, way in open_ways.items()
                if (found := gate.ask_way(group, way, facts)) is not None
            }
            closed |= closing
            open_ways = {ip: way for ip, way in open_ways.items() if ip not in closing}
            if closing and not open_ways:
                stop = _of_all_ways(closing, closed)
        if stop is not None:
            yield gate, stop


def _of_all_ways(closing: Mapping[str, Stop], closed: Mapping[str, Stop]) -> Stop:
    """The way that opens first speaks for all, in the words of the gate that closed the last."""

    def opens(stop: Stop) -> float:
        return math.inf if stop.until is None else stop.until

    first = min(closing.values(), key=opens)
    soonest = min(closed.values(), key=opens)
    lanes = {each.evidence.get("lane") for each in closed.values()}
    words = (
        first.words if len(lanes) == 1 else f"{first.words}; its {len(lanes)} lanes are all shut"
    )
    return Stop(
        words,
        first.fix,
        {**first.evidence, "source_ips": {ip: each.words for ip, each in closed.items()}},
        first.command,
        soonest.until,
        any(each.moves for each in closed.values()),
    )
