"""The port for bounces as a service: listens, stores, follows the configuration."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from lab.compose import classifier_of
from lab.configuration import Loaded
from lab.inmail.intake import Intake, Rules
from lab.inmail.session import Desk, InmailSession, Policy
from lab.inmail_settings import WHO
from lab.machine import Machine
from sinks.connection import Server, quieten
from sinks.listening import refusing
from store.engine import Store
from store.inbound import Terms

_BACKLOG: Final = 1024
_CLOSING: Final = b"421 4.3.2 The port for bounces is shutting down"


class InmailService:
    """The port of one lab; where it listens never changes."""

    def __init__(self, loaded: Loaded, store: Store, machine: Machine) -> None:
        """Make it; nothing listens yet."""
        settings = loaded.configuration.inmail
        self._listen, self._sockets = settings.listen, machine.sockets
        self._is_stopping = False
        self._intake = Intake(store, machine.clock, machine.chance(), lambda: self._rules)
        server = Server(
            loaded.configuration.lab.domain,
            "ESMTP mtalab bounces",
            settings.size_limit,
            _CLOSING,
            lambda: self._is_stopping,
        )
        self._desk = Desk(server, self._intake, lambda: self._policy)
        self.reconfigure(loaded)

    def reconfigure(self, loaded: Loaded) -> None:
        """Obey a changed configuration from the next mail on."""
        settings = loaded.configuration.inmail
        terms = Terms(settings.late_after, loaded.configuration.addresses)
        self._rules = Rules(classifier_of(loaded), terms)
        self._policy = Policy(loaded.configuration.lab.domain, settings.feedback)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[str, int]]:
        """Listen and store while the context lasts; yields where.

        Raises:
            ListenAddressUnusable: the port is taken or the address is not this machine's.
        """
        quieten()
        loop = asyncio.get_running_loop()
        bound = self._sockets.bind(WHO, self._listen)
        with refusing(WHO, self._listen):
            server = await loop.create_server(
                lambda: InmailSession(self._desk, loop), sock=bound, backlog=_BACKLOG
            )
        async with asyncio.TaskGroup() as tasks:
            storing = tasks.create_task(self._intake.run(), name="intake")
            try:
                host, port = server.sockets[0].getsockname()[:2]
                yield host, port
            finally:
                self._is_stopping = True
                server.close()
                await self._desk.server.end_connections()
                storing.cancel()
                await server.wait_closed()
