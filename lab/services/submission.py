"""The submission port."""

import contextlib

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, this_process, until_told_to_stop
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from lab.stores import store_of
from lab.submit.service import SubmissionService
from store import modules
from world.chance import SeededChance
from world.clock import SystemClock
from world.log import Log


async def run_submission(loaded: Loaded, reload: Reload, log: Log) -> None:
    """The submission port of the lab."""
    clock = SystemClock()
    with contextlib.closing(store_of(loaded)) as store:
        service = SubmissionService(loaded, store, clock, SeededChance())

        following = Following(loaded, modules.SUBMISSION, reload, log, clock)

        async def follow() -> None:
            async for changed in following.changes():
                service.reconfigure(changed)

        async with service.running() as (host, port):
            detail = f"{host}:{port}"
            log.info("listening", note=detail)
            await store.write(
                modules.announce_module, modules.SUBMISSION, this_process(), detail, clock.now()
            )
            beat = beat_for_ever(store, modules.SUBMISSION, clock)
            with following.on_hangup():
                await first_of(until_told_to_stop(with_parent=True), beat, follow())
        await say_goodbye(store, modules.SUBMISSION, clock)
