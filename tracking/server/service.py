"""The tracking server as a service: it listens, keeps its book, and writes its log to the store."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mail.notation import split_endpoint
from tracking.ingest import Ingest
from tracking.late_store import LateStore
from tracking.log_files import LogFiles
from tracking.server.app import TrackingApp, host_name
from tracking.server.book import Book
from tracking.server.book_files import BookFiles
from tracking.server.desk import Desk, Mirrors
from tracking.server.event_log import EventLog, Opens
from tracking.server.listening import listening
from tracking.settings import TrackingSettings
from world.chance import Chance
from world.clock import Clock
from world.log import Log

FOLDER: Final = "tracking"  # of the lab's data
_LAST_S: Final = 3.0  # for what is not in the store yet, at the end
_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server is given of its machine and its lab."""

    store: LateStore
    folder: Path  # of its own, see ``FOLDER``
    clock: Clock
    chance: Chance
    log: Log
    opens: Opens
    bind: Callable[[str], socket.socket]  # raises what is wrong with the address, in words
    refusing: Callable[[str], AbstractContextManager[None]]  # likewise, of what raises OSError
    mirrors: Mirrors
    version: str
    host: str


class TrackingService:
    """One server; where it listens never changes."""

    def __init__(self, around: Surroundings, settings: TrackingSettings) -> None:
        self._around, self._listen = around, settings.listen
        self.reconfigure(settings)

    def reconfigure(self, settings: TrackingSettings) -> None:
        """Obey changed settings from the next event on."""
        self._settings = settings
        self._hosts = None if settings.public else _hosts_of(settings)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[str, int]]:
        """Listen and write while the context lasts; yields where. Ends when all is written.

        Raises what the machine says of the address.
        """
        around = self._around
        bound = around.bind(self._listen)
        log = EventLog(around.folder, around.opens, around.clock, around.chance, around.log)
        book = Book(around.store, BookFiles(around.folder / "known", around.log), around.clock)
        desk = Desk(
            book,
            log,
            around.clock,
            around.chance,
            around.mirrors,
            lambda: self._hosts,
            around.version,
            around.host,
        )
        ingest = Ingest(
            LogFiles(around.folder, lambda: log.name),
            around.store,
            around.clock,
            lambda: self._settings,
            around.log,
        )
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(book.run(), name="book"),
                tasks.create_task(ingest.run(log.news), name="ingest"),
            ]
            try:
                async with self._answering(TrackingApp(desk), bound) as place:
                    yield place
            finally:
                for each in running:
                    each.cancel()
                await asyncio.wait(running)
                log.close()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_S):
                        await ingest.finish()

    @contextlib.asynccontextmanager
    async def _answering(
        self, app: TrackingApp, bound: socket.socket
    ) -> AsyncIterator[tuple[str, int]]:
        async with contextlib.AsyncExitStack() as stack:
            with self._around.refusing(self._listen):
                server = await stack.enter_async_context(listening(app, bound))
            host, port = server.sockets[0].getsockname()[:2]
            yield host, port


def _hosts_of(settings: TrackingSettings) -> frozenset[str]:
    """Names by which readers may reach it: loopback's, its own, and that of its links."""
    host, _ = split_endpoint(settings.listen)
    return frozenset(
        (*_HOSTS, f"[{host}]" if ":" in host else host, host_name(_netloc_of(settings.base)))
    )


def _netloc_of(url: str) -> bytes:
    return urlsplit(url).netloc.encode("ascii")
