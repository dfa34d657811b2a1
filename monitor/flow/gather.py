"""The facts of the picture, read from the store in a few cheap questions."""

from collections.abc import Iterable
from typing import Final

from affinity.configuration import Configuration, Route
from mail.notation import said_duration
from mail.states import MessageStatus
from monitor.flow.build import flow_of
from monitor.flow.facts import DeliveryFact, Facts, InstanceFact, LaneFact
from monitor.flow.graph import Flow
from monitor.lanes import LaneLine, lane_lines
from monitor.why.diagnosis import diagnose
from monitor.why.host import HostFacts
from store import deliveries, modules, queues, ways_of_deliveries
from store.engine import Store

WINDOW_S: Final = 60.0
_LOOKED_AT: Final = 200  # deliveries, the newest
_NAMED_MOST: Final = 800  # older ones
_OVER: Final = ("finished", "cancelled")


def flow(
    store: Store,
    configuration: Configuration,
    now: float,
    instances: Iterable[InstanceFact],
    seen: HostFacts,
) -> Flow:
    """The picture as of now."""
    # The last whole minute and what there is of this one.
    since = (now // 60 - 1) * 60
    ways = store.read_now(ways_of_deliveries.lately, now - WINDOW_S)
    findings = diagnose(store, configuration, now, seen=seen).findings
    named = {each.delivery_id for each in ways} | {each.delivery_id for each in findings}
    return flow_of(
        Facts(
            at=now,
            window_s=now - since,
            deliveries=tuple(_deliveries(store, named)),
            lanes=tuple(_lane(each, now) for each in lane_lines(store, configuration, now)),
            instances=tuple(instances),
            groups={name: _where(each) for name, each in configuration.route.items()},
            findings=findings,
            in_hand=tuple(store.read_now(queues.in_hand)),
            instance_of={each.id: each.instance for each in store.read_now(modules.live_workers)},
            traffic=tuple(store.read_now(queues.traffic, since=since)),
            ways=tuple(ways),
        )
    )


def _deliveries(store: Store, named: set[int]) -> Iterable[DeliveryFact]:
    known = {each.id: each for each in store.read_now(deliveries.find, limit=_LOOKED_AT)}
    missing = sorted(named - known.keys())[:_NAMED_MOST]
    if missing:
        found = store.read_now(deliveries.find, ids=missing, limit=_NAMED_MOST)
        known |= {each.id: each for each in found}
    for each in known.values():
        pending = each.counts.get(MessageStatus.PENDING, 0)
        if pending or each.status not in _OVER or each.id in named:
            yield DeliveryFact(each.id, each.label, each.affinity, each.status, pending)


def _lane(line: LaneLine, now: float) -> LaneFact:
    return LaneFact(line.lane, line.source_ip, line.mx_group, line.affinities, _shut(line, now))


def _shut(line: LaneLine, now: float) -> str:
    if line.suspended_until is None:
        return ""
    left = line.suspended_until - now
    length = f"for {said_duration(left)} more" if left < float("inf") else "until it is resumed"
    return f"suspended {length}" + (f": {line.because}" if line.because else "")


def _where(route: Route) -> str:
    if route.sink is not None:
        return f"sink {route.sink}"
    if route.host is not None:
        return str(route.host)
    return f"{len(route.hosts)} hosts"
