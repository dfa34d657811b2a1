"""One MTA instance."""

import contextlib

from lab.configuration import Loaded
from lab.following import Following
from lab.instance import Instance
from lab.lifetime import first_of, until_told_to_stop
from lab.services.loop import Reload
from lab.stores import store_of
from world.clock import SystemClock
from world.log import Log


async def run_instance(loaded: Loaded, name: str, reload: Reload, log: Log) -> None:
    """One MTA instance and its workers."""
    with contextlib.closing(store_of(loaded)) as store:
        mta = loaded.configuration.mta[name]
        note = f"{mta.workers} workers, affinities {', '.join(mta.affinities)}"
        log.info("started", note=note)
        clock = SystemClock()
        following = Following(loaded, f"mta@{name}", reload, log, clock)
        instance = Instance(loaded, name, store, clock, following=following, log=log)
        with following.on_hangup():
            await first_of(until_told_to_stop(with_parent=True), instance.run())
