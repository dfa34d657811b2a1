"""One worker process of an instance."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from lab.compose import mta_settings, worker_world
from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.loop import Reload
from lab.services.measuring import measure_worker, new_measures
from mail.errors import UserError
from mta.worker import Worker
from world.log import Log


async def run_worker(
    loaded: Loaded, name: str, reload: Reload, log_of: Callable[[str], Log], machine: Machine
) -> None:
    """One worker process of an instance; ``log_of`` is its log by the name that it gets."""
    with contextlib.closing(machine.store_of(loaded)) as store:
        following = Following(loaded, f"mta@{name}", reload, log_of(f"mta@{name}"), machine)

        def registered(number: int) -> Log:
            following.rename(f"mta@{name}-{number}")
            return log_of(f"mta@{name}-{number}")

        measures = new_measures()
        world = worker_world(loaded, name, store, machine, registered, measures)
        worker = Worker(world, mta_settings(loaded, name, machine))

        async def follow() -> None:
            async for changed in following.changes():
                if name not in changed.configuration.mta:
                    return
                try:
                    worker.reconfigure(mta_settings(changed, name, machine))
                except UserError as error:
                    following.refuse(error)

        with following.on_hangup():
            await _run_worker(
                worker,
                lambda: until_told_to_stop(machine.clock, machine.is_orphan),
                follow,
                lambda: measure_worker(worker, measures, world.clock),
            )


async def _run_worker(
    worker: Worker,
    until_told: Callable[[], Coroutine[Any, Any, None]],
    follow: Callable[[], Coroutine[Any, Any, None]],
    measure: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run(), name="worker")
        measuring = tasks.create_task(measure(), name="measure")
        told = tasks.create_task(first_of(until_told(), follow()), name="told")
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        worker.stop()
        await asyncio.wait({running})
        measuring.cancel()
