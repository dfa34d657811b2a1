"""The submission port."""

import contextlib

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from lab.submit.service import SubmissionService
from store import modules
from world.log import Log


async def run_submission(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """The submission port of the lab."""
    clock = machine.clock
    with contextlib.closing(machine.store_of(loaded)) as store:
        service = SubmissionService(loaded, store, clock, machine.chance(), machine.sockets)

        following = Following(loaded, modules.SUBMISSION, reload, log, machine)

        async def follow() -> None:
            async for changed in following.changes():
                service.reconfigure(changed)

        async with service.running() as (host, port):
            detail = f"{host}:{port}"
            log.info("listening", note=detail)
            await store.write(
                modules.announce_module,
                modules.SUBMISSION,
                machine.this_process(),
                detail,
                clock.now(),
            )
            beat = beat_for_ever(store, modules.SUBMISSION, machine)
            with following.on_hangup():
                await first_of(until_told_to_stop(clock, machine.is_orphan), beat, follow())
        await say_goodbye(store, modules.SUBMISSION, machine)
