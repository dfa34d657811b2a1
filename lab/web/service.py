"""The web page and the API."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from lab.configuration import Loaded
from lab.kept import is_kept
from lab.lifetime import until_told_to_stop
from lab.machine import Machine
from lab.services.door import OpenDoor
from lab.services.loop import Reload
from lab.web.app import app_of
from lab.web.guard import Rules
from lab.web.inbox_api.keeping_up import keep_up
from lab.web.lab_here import LabHere
from lab.web.reached import reached_as
from lab.web_settings import WHO
from lab.web_token import token_of
from sinks.listening import refusing
from store import modules
from tracking.server.listening import listening
from world.log import Log


async def run_web(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Answer browsers and programs until told to stop.

    Raises:
        ListenAddressUnusable: the port is taken or the address is not this machine's.
        UnusableToken: the token cannot be read.
    """
    with contextlib.closing(machine.store_of(loaded)) as store:
        service = WebService(LabHere(loaded, store, machine, log, is_kept=is_kept(loaded)))
        async with service.running() as place:
            if service.lab.is_kept:  # it is not ours to write into
                log.info("listening", note=f"{place[0]}:{place[1]}")
                await until_told_to_stop(machine.clock, machine.is_orphan)
                return
            door = OpenDoor(modules.WEB, loaded, reload, log, machine, store)
            await door.keep(place, service.reconfigure)
        await door.say_goodbye()


class WebService:
    """One server; where it listens never changes."""

    def __init__(self, lab: LabHere) -> None:
        self.lab = lab
        self._listen = lab.loaded.configuration.web.listen
        self.reconfigure(lab.loaded)

    def reconfigure(self, loaded: Loaded) -> None:
        """Obey a changed configuration from the next request on."""
        settings = loaded.configuration.web
        self._rules = Rules(reached_as(settings), token_of(loaded), settings.request_max)
        self.lab.loaded = loaded

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[str, int]]:
        """Listen while the context lasts; yields where."""
        bound = self.lab.machine.sockets.bind(WHO, self._listen)
        pulse = self.lab.pulse
        app = app_of(self.lab, lambda: self._rules)
        async with asyncio.TaskGroup() as tasks, contextlib.AsyncExitStack() as stack:
            with refusing(WHO, self._listen):
                server = await stack.enter_async_context(
                    listening(app, bound, self._rules.request_max)
                )
            looking = (
                tasks.create_task(pulse.run(), name="pulse"),
                tasks.create_task(keep_up(self.lab), name="inbox"),
            )
            try:
                host, port = server.sockets[0].getsockname()[:2]
                yield host, port
            finally:
                pulse.end()
                self.lab.runs.end()
                for each in looking:
                    each.cancel()
