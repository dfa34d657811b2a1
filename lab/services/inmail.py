"""The port for bounces."""

import contextlib

from lab.configuration import Loaded
from lab.machine import Machine
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from mail.notation import split_endpoint
from store import modules
from world.log import Log


async def run_inmail(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Listen until told to stop."""
    place = split_endpoint(loaded.configuration.inmail.listen)
    with contextlib.closing(machine.store_of(loaded)) as store:
        door = OpenDoor(modules.INMAIL, loaded, reload, log, machine, store)
        await door.keep(place, lambda _: None)
        await door.say_goodbye()
