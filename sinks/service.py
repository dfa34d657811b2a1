"""All sinks of one process: their files opened, their servers started in the running loop."""

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mail.errors import Where
from mail.notation import split_endpoint
from sinks.catalogue import personalities_from, personality_named
from sinks.errors import BadSinkName, BadWord, NoSuchSink
from sinks.inbox import InboxFile
from sinks.listening import THIS_HOST, Sockets
from sinks.receipts import ReceiptLog
from sinks.settings import Certificate, Personality, SinkSettings
from world.chance import Chance
from world.clock import Clock
from world.network import HostNetwork, Network

if TYPE_CHECKING:
    from sinks.sending_back import SendingBack
    from sinks.server import SinkServer

_STANDINGS_MAX: Final = 100  # told of each sink, the worst ones
_LOOPBACK: Final[Network] = HostNetwork()
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Back:
    """Where sinks send bounces, replies and complaints, if they do not say themselves."""

    to: str | None = None  # address:port
    network: Network = _LOOPBACK  # what they may reach


class SinkService:
    """Starts and stops any number of sinks together."""

    def __init__(
        self,
        sinks: Mapping[str, SinkSettings],
        personalities: Mapping[str, Personality],
        directory: Path,
        clock: Clock,
        chance: Chance,
        sockets: Sockets = THIS_HOST,
        back: Back | None = None,
    ) -> None:
        """Check the settings; nothing is opened yet.

        Args:
            sinks: by name.
            personalities: the user's own; the built-in ones are always there.
            directory: receipts and inbox go below it.
            clock: for receipts and limits.
            chance: draws the seed of personalities whose seed is "random".
            sockets: where to listen.
            back: where what they send back goes; None: nowhere, but for sinks that say where.

        Raises:
            BadSinkName: a name cannot be a file's name.
            UnknownPersonality: a sink names one that does not exist.
            PersonalityLoop: a personality extends itself.
        """
        self._sinks, self._directory, self._clock = dict(sinks), directory, clock
        self._own, self._chance, self._sockets = dict(personalities), chance, sockets
        self._chosen = {name: settings.personality for name, settings in sinks.items()}
        self._personalities = {
            name: _seeded(_checked(name, settings, personalities), chance)
            for name, settings in sinks.items()
        }
        self._back = back or Back()
        self._running: AsyncExitStack | None = None
        self._servers: dict[str, SinkServer] = {}
        self._sending: list[SendingBack] = []

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
        # Slow to import, and a supervisor only looks whether the sinks could listen.
        from sinks.connection import quieten
        from sinks.server import SinkServer

        quieten()
        servers, sending = {}, []
        async with AsyncExitStack() as stack:
            bound = self._bound(stack)
            for name, settings in self._sinks.items():
                opens = self._sockets.append_file
                receipts = ReceiptLog(self._directory, name, opens)
                stack.callback(receipts.close)
                inbox = InboxFile(self._directory, name, opens) if settings.inbox else None
                if inbox is not None:
                    stack.callback(inbox.close)
                personality = self._personalities[name]
                server = SinkServer(
                    name,
                    settings,
                    personality,
                    self._clock,
                    receipts,
                    inbox,
                    self._tls(settings, personality),
                )
                back = self._sending_back(name, settings, stack)
                if back is not None:
                    server.let_write_back(back)
                    sending.append(back)
                stack.push_async_callback(server.stop)
                await server.start(bound[name])
                servers[name] = server
            if servers:
                await stack.enter_async_context(self._sockets.door(self._directory, self._handle))
            self._running, self._servers, self._sending = stack.pop_all(), servers, sending

    def _sending_back(
        self, name: str, settings: SinkSettings, stack: AsyncExitStack
    ) -> "SendingBack | None":
        to = settings.bounces_to or self._back.to
        if to is None:
            return None
        from sinks.outgoing import OutgoingFile
        from sinks.sending_back import SendingBack, Way

        file = OutgoingFile(self._directory, name, self._sockets.append_file)
        stack.callback(file.close)
        host, _ = split_endpoint(settings.listen)
        return SendingBack(Way(to, host, settings.mx, self._back.network), file, self._clock)

    async def send_back(self) -> None:
        """Send for ever what is to be sent back; what goes wrong with a file is raised."""
        if not self._sending:
            await asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as tasks:
            for each in self._sending:
                tasks.create_task(each.run(), name="sending back")

    def set_personality(
        self, sink: str, name: str, also: Mapping[str, Personality] | None = None
    ) -> None:
        """Let a running sink behave otherwise from the next command on, its memory kept.

        Args:
            sink: its name.
            name: of the personality.
            also: personalities that are known besides, and stay known.

        Raises:
            NoSuchSink: no sink of this name runs.
            UnknownPersonality, PersonalityLoop: the personality cannot be found.
            SinkFilesUnusable: its certificate cannot be made.
        """
        server = self._servers.get(sink)
        if server is None:
            raise NoSuchSink(
                f"no sink {sink!r} runs here",
                remedy=f"These do: {', '.join(sorted(self._servers)) or 'none'}.",
            )
        own = {**self._own, **(also or {})}
        personality = _seeded(personality_named(name, own), self._chance)
        server.become(personality, self._tls(server.settings, personality))
        self._own, self._chosen[sink] = own, name

    def views(self) -> list[dict[str, Any]]:
        """What the running sinks are and have seen, for ``mtalab sink list``."""
        return [_view(server, self._chosen[name]) for name, server in self._servers.items()]

    def counts(self) -> dict[str, dict[str, int]]:
        """What each running sink has counted since it was started, by its name."""
        return {
            name: {
                "connections": server.connections,
                "accepted": server.accepted,
                "refused": server.refused,
            }
            for name, server in self._servers.items()
        }

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("do") == "set":
            self.set_personality(
                str(request.get("sink")),
                str(request.get("personality")),
                personalities_from(request.get("personalities") or {}),
            )
        elif request.get("do") != "list":
            raise BadWord("a request to do `list` or `set` was expected")
        return {"sinks": self.views()}

    def _tls(self, settings: SinkSettings, personality: Personality) -> ssl.SSLContext | None:
        kind = _certificate(settings, personality)
        if kind == "none":
            return None
        from sinks.certificates import server_context  # slow to import, and few sinks have one

        host, _ = split_endpoint(settings.listen)
        folder, now = tls_folder(self._directory), self._clock.now()
        return server_context(folder, settings.mx, kind, now, (host,))

    @property
    def shows_certificates(self) -> bool:
        """Whether any sink has one as it starts."""
        return any(
            _certificate(settings, self._personalities[name]) != "none"
            for name, settings in self._sinks.items()
        )

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
            bound[name] = self._sockets.bind(f"sink {name!r}", settings.listen)
            stack.callback(bound[name].close)
        return bound

    async def stop(self) -> None:
        """Stop listening, end the sessions, close the files. Safe unstarted and twice."""
        running, self._running = self._running, None
        self._servers, self._sending = {}, []
        if running is not None:
            await running.aclose()


def tls_folder(directory: Path) -> Path:
    """Where the sinks of this directory have their certificates, and that of their authority."""
    return directory / "tls"


def _certificate(settings: SinkSettings, personality: Personality) -> Certificate:
    return settings.certificate or personality.certificate


def _view(server: "SinkServer", personality: str) -> dict[str, Any]:
    host, port = server.address
    return {
        "sink": server.name,
        "listen": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "mx": server.settings.mx,
        "personality": personality,
        "description": server.personality.description,
        "certificate": _certificate(server.settings, server.personality),
        "connections": server.connections,
        "accepted": server.accepted,
        "refused": server.refused,
        "reputations": [asdict(each) for each in islice(server.standings(), _STANDINGS_MAX)],
    }


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
