"""The scheduler."""

import contextlib

from affinity.configuration import AddressRules
from lab.burial import Worst, bury
from lab.configuration import Loaded
from lab.following import Following
from lab.housekeeping.daily import Daily
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import say_goodbye
from lab.services.loop import Reload
from lab.services.measuring import measure_scheduler
from scheduler.service import Scheduler
from scheduler.settings import settings_from
from store import audit, modules
from store.engine import Store, shown_url
from store.errors import StoreUnavailable
from world.log import Log


async def run_scheduler(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """The scheduler of this lab; a second one waits for the first to end."""
    clock = machine.clock
    with contextlib.closing(machine.store_of(loaded)) as store:
        scheduler = _scheduler_of(loaded, store, machine, log)
        daily = Daily(loaded, store, machine, lambda: scheduler.is_leading, log)
        following = Following(loaded, modules.SCHEDULER, reload, log, machine)
        log.info("started", note=f"on {shown_url(loaded.store_url)}")

        async def follow() -> None:
            text = loaded.text
            async for changed in following.changes():
                scheduler.reconfigure(settings_from(changed.configuration))
                daily.reconfigure(changed)
                if scheduler.has_led and changed.text != text:
                    with contextlib.suppress(StoreUnavailable):
                        note = f"the changed configuration is followed: {changed.path}"
                        await store.write(audit.note, clock.now(), note)
                text = changed.text

        with following.on_hangup():
            await first_of(
                until_told_to_stop(clock, machine.is_orphan),
                scheduler.run(),
                follow(),
                daily.run(),
                measure_scheduler(scheduler, clock),
            )
        if scheduler.has_led:
            await say_goodbye(store, modules.SCHEDULER, machine)


def _scheduler_of(loaded: Loaded, store: Store, machine: Machine, log: Log) -> Scheduler:
    """The scheduler of this store."""

    async def bury_worker(worker: modules.Worker, worst: Worst, rules: AddressRules) -> None:
        if await bury(store, machine, worker, worst, rules):
            who = f"worker {worker.id} of mta@{worker.instance}"
            log.warning(
                "worker_buried",
                note=f"{who} (pid {worker.pid}) is gone: its journal is replayed, its parts are "
                "taken back",
                worker_id=worker.id,
                instance=worker.instance,
                worker_pid=worker.pid,
            )

    settings = settings_from(loaded.configuration)
    return Scheduler(store, machine.clock, settings, bury_worker, machine.this_process, log)
