"""One MTA instance."""

import contextlib

from lab.configuration import Loaded
from lab.following import Following
from lab.instance import Instance
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.loop import Reload
from world.log import Log


async def run_instance(
    loaded: Loaded, name: str, reload: Reload, log: Log, machine: Machine
) -> None:
    """One MTA instance and its workers."""
    with contextlib.closing(machine.store_of(loaded)) as store:
        mta = loaded.configuration.mta[name]
        note = f"{mta.workers} workers, affinities {', '.join(mta.affinities)}"
        log.info("started", note=note)
        following = Following(loaded, f"mta@{name}", reload, log, machine)
        instance = Instance(loaded, name, store, machine, following=following, log=log)
        with following.on_hangup():
            await first_of(until_told_to_stop(machine.clock, machine.is_orphan), instance.run())
