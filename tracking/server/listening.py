"""The server on its socket: uvicorn's protocol on a server of our own.

uvicorn's own ``serve`` takes signals and looks at the wall clock; the service has its own of both,
and a simulation has others.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

BACKLOG: Final = 2048
REQUEST_MAX: Final = 32 * 1024  # bytes of a request line, headers and body
CONNECTIONS_MAX: Final = 2000  # more are told to come again later
_IDLE_S: Final = 30  # a connection without a request is closed
_SLOW_S: Final = 30.0  # as is one whose request does not come to its end
_GRACE_S: Final = 3.0  # for what is being answered, at the end


class _Bounds(asyncio.Protocol):
    """Limits what a client may send, and its time; goes before uvicorn's protocol."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    request_max = REQUEST_MAX
    _bytes = 0  # of a request that is not answered yet
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._watch = self.loop.call_later(_SLOW_S, self._look)

    def _look(self) -> None:
        """A request that has not come whole since the last look comes no more."""
        cycle = self.cycle
        is_answered = cycle is None or cycle.response_complete
        if self._bytes and (is_answered or cycle.more_body):
            self.transport.close()
            return
        self._watch = self.loop.call_later(_SLOW_S, self._look)

    def eof_received(self) -> bool:
        """Who says that it has said all still gets its answer, unless that is a stream."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        if cycle.response_started and getattr(cycle, "chunked_encoding", False):
            return False  # it may never end, and most who hang up do it so
        cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        self._bytes += len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is not before and not cycle.more_body:
            self._bytes = 0
        elif self._bytes > self.request_max:
            self.transport.close()


def protocol_class(request_max: int = REQUEST_MAX) -> type[asyncio.Protocol]:
    """The protocol of a connection; a request has at most so many bytes."""
    protocol: Any
    try:
        from uvicorn.protocols.http import httptools_impl

        protocol = httptools_impl.HttpToolsProtocol
    except ImportError:  # Windows
        from uvicorn.protocols.http import h11_impl

        protocol = h11_impl.H11Protocol
    return type("BoundedProtocol", (_Bounds, protocol), {"request_max": request_max})


@contextlib.asynccontextmanager
async def listening(
    app: ASGIApp, bound: socket.socket, request_max: int = REQUEST_MAX
) -> AsyncIterator[asyncio.Server]:
    """Answer requests at a bound socket while the context lasts.

    Raises:
        OSError: it cannot listen there.
    """
    loop = asyncio.get_running_loop()
    protocol: Any = protocol_class(request_max)
    config = Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        loop="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # it would be the wall clock's
        timeout_keep_alive=_IDLE_S,
        limit_concurrency=CONNECTIONS_MAX,
    )
    config.load()
    # What strangers send is no news; what we do wrong is.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    state = ServerState()
    server = await loop.create_server(
        lambda: protocol(config=config, server_state=state, app_state={}, _loop=loop),
        sock=bound,
        backlog=BACKLOG,
    )
    try:
        yield server
    finally:
        server.close()
        await _end(state)
        await server.wait_closed()


async def _end(state: ServerState) -> None:
    """Let what is being answered be answered, then hang up."""
    for each in list(state.connections):
        each.shutdown()
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=_GRACE_S)
    for connection in list(state.connections):
        connection.transport.close()
