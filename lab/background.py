"""The processes of a lab, as children of this one: what ``mtalab up`` does, in a thread of ours.

They stop when they are told to, and by themselves half a second after this process has ended,
however it ended (``lab/lifetime.py``): a script that is killed leaves nothing running.
"""

import asyncio
import concurrent.futures
import os
import threading
from pathlib import Path
from typing import Final

from lab.configuration import Loaded, load
from lab.destinations import destinations
from lab.detached import LabDidNotStart
from lab.following import UP
from lab.lifetime import first_of
from lab.logs import make_log
from lab.machine import ThisMachine
from lab.readiness import not_running
from lab.services.up import lab_of
from mail.errors import MtalabError
from store.engine import Store
from world.clock import SystemClock

LOOK_EVERY_S: Final = 0.05
SAID_MAX: Final = 3000  # characters of the log that are shown when a lab does not start


class Running:
    """One run of a lab's processes."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._clock = SystemClock()
        self._end: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._stop_asked = threading.Event()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="mtalab up", daemon=True)

    @property
    def said(self) -> Path:
        """The file with the words of all processes."""
        return self._loaded.directory / "up.log"

    def start(self, store: Store, within_s: float) -> None:
        """Start the processes, and return when all of them run.

        Raises:
            LabIsUp, ListenAddressUnusable, UnusableFile: it cannot run here now.
            LabDidNotStart: it did not come up in time.
        """
        destinations(self._loaded)  # better one clear refusal than workers that cannot start
        self._loaded.directory.mkdir(parents=True, exist_ok=True)
        since, deadline = self._clock.now(), self._clock.monotonic() + within_s
        self._thread.start()
        while missing := not_running(store, self._loaded, since):
            self.pause(LOOK_EVERY_S)
            if self._clock.monotonic() > deadline:
                raise LabDidNotStart(
                    f"the lab did not come up within {within_s:g} s; not running: "
                    f"{', '.join(missing)}. Its processes said:\n{self._last_words()}",
                    remedy="A busy machine may need longer: within_s. "
                    "`mtalab config check` finds what cannot work.",
                )

    def pause(self, seconds: float) -> None:
        """Let time pass; what ended the lab meanwhile is raised."""
        concurrent.futures.wait([self._end], seconds)
        if self._end.done():
            self._end.result()

    def stop(self) -> None:
        """Stop the processes in order, senders first. Safe unstarted and twice."""
        if self._thread.ident is None:
            return
        self._stop_asked.set()
        if self._loop is not None and not self._end.done():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._supervise())
        except BaseExceptionGroup as group:
            self._end.set_exception(_first_of_ours(group))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._end.set_exception(error)
        else:
            self._end.set_result(None)

    async def _supervise(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._stop_asked.is_set():
            return
        path = self._loaded.path
        with self.said.open("a", encoding="utf-8") as said:
            lab = lab_of(
                self._loaded,
                ThisMachine(),
                lambda: load(path, os.environ),
                make_log(said, self._loaded.configuration.lab.log, UP, self._clock),
                output=self.said,
            )
            await first_of(self._stop.wait(), lab.run())

    def _last_words(self) -> str:
        if not self.said.exists():
            return "nothing"
        return self.said.read_text(encoding="utf-8", errors="replace")[-SAID_MAX:]


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one of our errors that a user can do something about, or else the whole group."""
    for each in group.exceptions:
        found = _first_of_ours(each) if isinstance(each, BaseExceptionGroup) else each
        if isinstance(found, MtalabError):
            return found
    return group
