"""One sink: a listening socket, its state and its files."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mail.notation import split_endpoint
from sinks import command
from sinks.connection import Server
from sinks.inbox import InboxFile
from sinks.listening import bound_socket, refusing
from sinks.receipts import ReceiptLog
from sinks.reputation import Standing
from sinks.sending_back import SendingBack
from sinks.session import Post, SinkSession
from sinks.settings import Personality, SinkSettings
from sinks.state import SinkState
from world.clock import Clock

_BACKLOG: Final = 1024  # a sender may open all its connections at once


class SinkServer:
    """Plays one MX host."""

    def __init__(
        self,
        name: str,
        settings: SinkSettings,
        personality: Personality,
        clock: Clock,
        receipts: ReceiptLog,
        inbox: InboxFile | None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Make it; nothing listens yet.

        Args:
            name: the sink's name.
            settings: where it listens and what it keeps.
            personality: how it behaves, all that it extends folded in, its seed a number.
            clock: for receipts and limits.
            receipts: open; closing it is the caller's.
            inbox: likewise, or None to keep no contents.
            tls: offered as STARTTLS, or None.
        """
        self.name, self.settings = name, settings
        self._clock = clock
        self._is_stopping = False
        self._server: asyncio.Server | None = None
        server = Server(
            settings.mx,
            personality.greeting,
            settings.size_limit,
            command.CLOSING,
            lambda: self._is_stopping,
        )
        state = SinkState(personality, mx=settings.mx, seed=str(personality.seed))
        self._post = Post(server, state, clock, receipts, inbox)
        self.become(personality, tls)

    def become(self, personality: Personality, tls: ssl.SSLContext | None) -> None:
        """Behave otherwise from the next command on; nothing that is remembered is lost.

        Greeting and size limit are those of new connections.
        """
        post = self._post
        post.tls_context = tls
        post.server = replace(
            post.server,
            ident=personality.greeting,
            size_limit=personality.size_limit or self.settings.size_limit,
        )
        post.state.become(personality, str(personality.seed))

    def let_write_back(self, back: SendingBack) -> None:
        """Let what is to be sent back be taken by this; without it nothing is."""
        self._post.back = back

    @property
    def personality(self) -> Personality:
        return self._post.state.personality

    @property
    def connections(self) -> int:
        """Those that it holds now, refused ones left out."""
        return self._post.state.connections.all

    @property
    def accepted(self) -> int:
        """Messages since it was started."""
        return self._post.accepted

    @property
    def refused(self) -> int:
        """Refusals and connections ended without a reply, since it was started."""
        return self._post.refused

    def standings(self) -> Iterator[Standing]:
        """The reputations of all known sources, the worst first."""
        settings = self.personality.reputation
        if settings is not None:
            yield from self._post.state.reputations.all(settings, self._clock.monotonic())

    @property
    def _who(self) -> str:
        return f"sink {self.name!r}"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as the system says; as configured while it does not."""
        if self._server is None or not self._server.sockets:
            return split_endpoint(self.settings.listen)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self, bound: socket.socket | None = None) -> None:
        """Listen, on a socket of ``bound_socket`` if one is given. Safe to call twice.

        Raises:
            ListenAddressUnusable: the port is taken or the address is not this machine's.
        """
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._is_stopping = False
        with refusing(self._who, self.settings.listen):
            self._server = await loop.create_server(
                lambda: SinkSession(self._post, loop),
                sock=bound or bound_socket(self._who, self.settings.listen),
                backlog=_BACKLOG,
            )

    async def stop(self) -> None:
        """Stop listening, tell the peers and end their sessions. Safe unstarted and twice."""
        server, self._server = self._server, None
        if server is None:
            return
        self._is_stopping = True
        server.close()
        await self._post.server.end_connections()
        await server.wait_closed()
