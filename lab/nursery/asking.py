"""Asking a nursery for processes, and hearing of their ends."""

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

MESSAGE_MAX: Final = 1 << 16
LOOK_EVERY_S: Final = 0.05
IS_POSSIBLE: Final = hasattr(os, "fork") and hasattr(os, "pidfd_open")  # Linux

own: socket.socket | None = None  # to the nursery that was made for this process before it began


class Nursed:
    """A process that a nursery has started; ``lab.machine.Started``."""

    def __init__(self, pid: int, code: "asyncio.Future[int]") -> None:
        self.pid, self._code = pid, code

    @property
    def returncode(self) -> int | None:
        return self._code.result() if self._code.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._code)

    def send_signal(self, number: int, /) -> None:
        with contextlib.suppress(ProcessLookupError):  # its end has not been told yet
            os.kill(self.pid, number)


class Asker:
    """A nursery as the process sees it that wants children; of one event loop."""

    def __init__(
        self, end: socket.socket, nursery: asyncio.subprocess.Process | None = None
    ) -> None:
        """Hear at this end of a socket; ``nursery`` is reaped by us, if it is a child of ours."""
        self._end, self._nursery, self._loop = end, nursery, asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._wanted: dict[int, asyncio.Future[Nursed]] = {}
        self._living: dict[int, asyncio.Future[int]] = {}
        self.is_gone = False
        end.settimeout(0.0)  # never wait for it
        self._loop.add_reader(end.fileno(), self._hear)

    async def start(
        self, arguments: Sequence[str], environ: Mapping[str, str], output: Path | None
    ) -> Nursed:
        """A new process.

        Raises:
            OSError: it could not be forked, or the nursery is gone.
        """
        number = next(self._numbers)
        request = {
            "number": number,
            "arguments": arguments,
            "environ": environ,
            "folder": str(Path.cwd()),
            "output": None if output is None else str(output),
        }
        try:
            self._end.send(orjson.dumps(request))
        except OSError:
            self._lost()
            raise
        wanted: asyncio.Future[Nursed] = self._loop.create_future()
        self._wanted[number] = wanted
        try:
            return await wanted
        finally:
            del self._wanted[number]

    async def close(self) -> None:
        """Let the nursery go; children that still live see that they have lost their parent."""
        self._lost()
        if self._nursery is not None:
            await self._nursery.wait()

    def _hear(self) -> None:
        try:
            message = self._end.recv(MESSAGE_MAX)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._lost()
            return
        self._told(orjson.loads(message))

    def _told(self, what: dict[str, Any]) -> None:
        if "code" in what:
            code = self._living.pop(what["pid"])
            if not code.done():
                code.set_result(what["code"])
            return
        wanted = self._wanted.get(what["number"])
        if "pid" in what:
            code = self._living[what["pid"]] = self._loop.create_future()
            if wanted is None or wanted.done():  # nobody waits for it any more
                os.kill(what["pid"], signal.SIGTERM)
            else:
                wanted.set_result(Nursed(what["pid"], code))
        elif wanted is not None and not wanted.done():
            wanted.set_exception(OSError(what["errno"], os.strerror(what["errno"])))

    def _lost(self) -> None:
        """The nursery is gone; its children will see it and leave."""
        if self.is_gone:
            return
        self.is_gone = True
        self._loop.remove_reader(self._end.fileno())
        self._end.close()
        for wanted in self._wanted.values():
            if not wanted.done():
                wanted.set_exception(OSError(errno.EPIPE, "the process that starts others is gone"))
        for pid, code in self._living.items():
            self._loop.call_soon(self._look_for, pid, code)

    def _look_for(self, pid: int, code: "asyncio.Future[int]") -> None:
        """Nobody tells us of its end any more."""
        if code.done():
            return
        if psutil.pid_exists(pid):
            self._loop.call_later(LOOK_EVERY_S, self._look_for, pid, code)
        else:
            code.set_result(-signal.SIGKILL)


async def new_asker() -> Asker:
    """The nursery of this process, or a new one; raises OSError."""
    global own
    end, own = own, None
    if end is not None:
        return Asker(end)
    end, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        try:
            nursery = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "lab.nursery", str(its.fileno())),
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(its.fileno(),),
            )
        except OSError:
            end.close()
            raise
    return Asker(end, nursery)
