"""The port for bounces."""

import contextlib

from lab.configuration import Loaded
from lab.inmail.service import InmailService
from lab.machine import Machine
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from store import modules
from world.log import Log


async def run_inmail(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Take what comes back until told to stop."""
    with contextlib.closing(machine.store_of(loaded)) as store:
        service = InmailService(loaded, store, machine)
        door = OpenDoor(modules.INMAIL, loaded, reload, log, machine, store)
        async with service.running() as place:
            await door.keep(place, service.reconfigure)
        await door.say_goodbye()
