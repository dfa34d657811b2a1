"""All sinks of one process: their files opened, their servers started in the running loop."""

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

from mail.errors import Where
from sinks.catalogue import personality_named
from sinks.connection import quieten
from sinks.errors import BadSinkName
from sinks.inbox import InboxFile
from sinks.listening import bound_socket
from sinks.receipts import ReceiptLog
from sinks.server import SinkServer
from sinks.settings import Personality, SinkSettings
from world.chance import Chance
from world.clock import Clock

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class SinkService:
    """Starts and stops any number of sinks together."""

    def __init__(
        self,
        sinks: Mapping[str, SinkSettings],
        personalities: Mapping[str, Personality],
        directory: Path,
        clock: Clock,
        chance: Chance,
    ) -> None:
        """Check the settings; nothing is opened yet.

        Args:
            sinks: by name.
            personalities: the user's own; the built-in ones are always there.
            directory: receipts and inbox go below it.
            clock: for receipts and limits.
            chance: draws the seed of personalities whose seed is "random".

        Raises:
            BadSinkName: a name cannot be a file's name.
            UnknownPersonality: a sink names one that does not exist.
            PersonalityLoop: a personality extends itself.
        """
        self._sinks, self._directory, self._clock = dict(sinks), directory, clock
        self._personalities = {
            name: _seeded(_checked(name, settings, personalities), chance)
            for name, settings in sinks.items()
        }
        self._running: AsyncExitStack | None = None
        self._servers: dict[str, SinkServer] = {}

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where each sink listens while the service runs."""
        return {name: server.address for name, server in self._servers.items()}

    async def start(self) -> None:
        """Open the files and listen, all or none. Safe to call twice.

        Raises:
            ListenAddressUnusable: a sink's port is taken or its address is not this machine's.
            SinkFilesUnusable: its files cannot be opened.
        """
        if self._running is not None:
            return
        quieten()
        servers = {}
        async with AsyncExitStack() as stack:
            bound = self._bound(stack)
            for name, settings in self._sinks.items():
                receipts = ReceiptLog(self._directory, name)
                stack.callback(receipts.close)
                inbox = InboxFile(self._directory, name) if settings.inbox else None
                if inbox is not None:
                    stack.callback(inbox.close)
                personality = self._personalities[name]
                server = SinkServer(
                    name, settings, personality, self._clock, receipts, inbox, self._tls(settings)
                )
                stack.push_async_callback(server.stop)
                await server.start(bound[name])
                servers[name] = server
            self._running, self._servers = stack.pop_all(), servers

    def _tls(self, settings: SinkSettings) -> ssl.SSLContext | None:
        kind = settings.certificate
        if kind == "none":
            return None
        from sinks.certificates import server_context  # slow to import, and few sinks have one

        return server_context(self._directory / "tls", settings.mx, kind, self._clock.now())

    def check(self) -> None:
        """See whether all could listen now; nothing of their files is touched.

        Raises:
            ListenAddressUnusable: a sink's port is taken or its address is not this machine's.
        """
        with ExitStack() as stack:
            self._bound(stack)

    def _bound(self, stack: ExitStack | AsyncExitStack) -> dict[str, socket.socket]:
        """Sockets at all addresses: before any file is opened, which may be another process's."""
        bound = {}
        for name, settings in self._sinks.items():
            bound[name] = bound_socket(f"sink {name!r}", settings.listen)
            stack.callback(bound[name].close)
        return bound

    async def stop(self) -> None:
        """Stop listening, end the sessions, close the files. Safe unstarted and twice."""
        running, self._running = self._running, None
        self._servers = {}
        if running is not None:
            await running.aclose()


def _checked(
    name: str, settings: SinkSettings, personalities: Mapping[str, Personality]
) -> Personality:
    if _NAME.fullmatch(name) is None:
        raise BadSinkName(
            f"{name!r} cannot be a sink's name",
            where=Where(key=f"sink.{name}"),
            remedy="Use letters, digits, - and _, beginning with a letter or digit.",
        )
    where = Where(key=f"sink.{name}.personality")
    return personality_named(settings.personality, personalities, where)


def _seeded(personality: Personality, chance: Chance) -> Personality:
    if personality.seed != "random":
        return personality
    return personality.model_copy(update={"seed": int(chance.random() * 2**53)})
