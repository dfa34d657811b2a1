"""The tracking server."""

import contextlib
from importlib.metadata import version

from lab.configuration import Loaded
from lab.machine import Machine
from lab.mirror_page import html_of
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from sinks.listening import refusing
from store import modules
from tracking.late_store import LateStore
from tracking.server.desk import Mirrors
from tracking.server.service import FOLDER, Surroundings, TrackingService
from tracking.settings import WHO
from world.log import Log


async def run_tracking(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Answer those who follow links, until told to stop; the store may be away meanwhile."""
    store = LateStore(lambda: machine.store_of(loaded), machine.clock)
    around = Surroundings(
        store=store,
        folder=loaded.directory / FOLDER,
        clock=machine.clock,
        chance=machine.chance(),
        log=log,
        opens=machine.sockets.append_file,
        bind=lambda listen: machine.sockets.bind(WHO, listen),
        refusing=lambda listen: refusing(WHO, listen),
        mirrors=mirrors_of(store),
        version=version("mtalab"),
        host=machine.this_process().host,
    )
    service = TrackingService(around, loaded.configuration.tracking)
    with contextlib.closing(store):
        door = OpenDoor(modules.TRACKING, loaded, reload, log, machine, store, works_alone=True)
        async with service.running() as place:
            await door.keep(place, lambda each: service.reconfigure(each.configuration.tracking))
        await door.say_goodbye()


def mirrors_of(store: LateStore) -> Mirrors:
    """What makes the HTML of a message anew."""

    async def mirror(delivery_id: int, message_id: int) -> str | None:
        return await store.read_apart(html_of, delivery_id, message_id)

    return mirror
