"""Whether all of a lab runs: what its configuration names against what announced itself."""

from collections import Counter

from lab.configuration import Loaded
from lab.run import SINKS
from store import modules
from store.engine import Store


def not_running(store: Store, loaded: Loaded, since: float = 0.0) -> list[str]:
    """The modules that have not announced themselves since then, or have stopped, in words.

    Args:
        store: the lab's.
        loaded: its configuration.
        since: epoch seconds; an older announcement is one of a run before and does not count.
    """
    configuration = loaded.configuration
    running = {
        each.name
        for each in store.read_now(modules.modules)
        if each.stopped_at is None and each.started_at >= since
    }
    wanted = [SINKS, modules.SCHEDULER] if configuration.sink else [modules.SCHEDULER]
    missing = [name for name in wanted if name not in running]
    live = store.read_now(modules.live_workers)
    workers = Counter(each.instance for each in live if each.started_at >= since)
    return missing + [
        f"mta@{name} ({workers[name]} of {mta.workers} workers)"
        for name, mta in configuration.mta.items()
        if workers[name] < mta.workers
    ]
