"""The tracking server."""

import contextlib

from lab.configuration import Loaded
from lab.machine import Machine
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from mail.notation import split_endpoint
from store import modules
from world.log import Log


async def run_tracking(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Listen until told to stop."""
    place = split_endpoint(loaded.configuration.tracking.listen)
    with contextlib.closing(machine.store_of(loaded)) as store:
        door = OpenDoor(modules.TRACKING, loaded, reload, log, machine, store)
        await door.keep(place, lambda _: None)
        await door.say_goodbye()
