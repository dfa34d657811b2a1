"""Whether all of a lab runs: what its configuration names against what announced itself."""

from collections import Counter

from lab.configuration import Loaded
from lab.doors import doors
from store import halts, modules
from store.engine import Store


def not_running(
    store: Store, loaded: Loaded, since: float = 0.0, heard_since: float = 0.0
) -> list[str]:
    """The modules that have not announced themselves, or have stopped or fallen silent, in words.

    Args:
        store: the lab's.
        loaded: its configuration.
        since: epoch seconds; an older announcement is one of a run before and does not count.
        heard_since: epoch seconds; one whose last heartbeat is older has fallen silent.
    """
    configuration = loaded.configuration
    running = {
        each.name
        for each in store.read_now(modules.modules)
        if each.stopped_at is None and each.started_at >= since and each.heartbeat_at >= heard_since
    }
    wanted = {
        modules.SINKS: bool(configuration.sink),
        **dict.fromkeys((door.key for door in doors(configuration)), True),
        modules.WEBHOOKS: bool(configuration.webhook),
        modules.SCHEDULER: True,
    }
    missing = [name for name, is_wanted in wanted.items() if is_wanted and name not in running]
    live = store.read_now(modules.live_workers)
    halted = store.read_now(halts.halts)  # an operator does not want them to run
    workers = Counter(
        each.instance
        for each in live
        if each.started_at >= since and each.heartbeat_at >= heard_since
    )
    return missing + [
        f"mta@{name} ({workers[name]} of {mta.workers} workers)"
        for name, mta in configuration.mta.items()
        if workers[name] < mta.workers and name not in halted
    ]
