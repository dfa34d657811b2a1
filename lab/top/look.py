"""What ``mtalab top`` reads of a store: a few cheap questions."""

from typing import Final

from lab.configuration import Loaded
from lab.host_facts import host_facts
from lab.kept import now_of
from lab.top.snapshot import Facts
from monitor.lanes import lane_lines
from monitor.why.diagnosis import Diagnosis, diagnose
from store import deliveries, log, modules, queues
from store.engine import Store
from store.reports import reports
from world.clock import Clock

DELIVERIES_SHOWN: Final = 100


def look(store: Store, loaded: Loaded, clock: Clock) -> Facts:
    """All of it as of now; of a kept lab as of its end."""
    now = now_of(loaded, clock)
    configuration = loaded.configuration
    return Facts(
        now,
        store.read_now(log.last_transition_id),
        store.read_now(deliveries.find, limit=DELIVERIES_SHOWN),
        diagnose(store, configuration, now, seen=host_facts(store, now)).findings,
        lane_lines(store, configuration, now),
        store.read_now(queues.in_hand),
        store.read_now(reports),
        store.read_now(modules.live_workers),
    )


def why(store: Store, loaded: Loaded, clock: Clock, delivery: int) -> Diagnosis:
    """What one delivery waits for."""
    now = now_of(loaded, clock)
    seen = host_facts(store, now)
    return diagnose(store, loaded.configuration, now, delivery=delivery, seen=seen)
