"""The submission port."""

import contextlib

from lab.configuration import Loaded
from lab.machine import Machine
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from lab.submit.service import SubmissionService
from store import modules
from world.log import Log


async def run_submission(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """The submission port of the lab."""
    with contextlib.closing(machine.store_of(loaded)) as store:
        service = SubmissionService(loaded, store, machine.clock, machine.chance(), machine.sockets)
        door = OpenDoor(modules.SUBMISSION, loaded, reload, log, machine, store)
        async with service.running() as place:
            await door.keep(place, service.reconfigure)
        await door.say_goodbye()
