"""One nursery for all labs of a test process: the modules of `mtalab up` are loaded once.

That `mtalab up` can be started by its command line is tested elsewhere (test_operating, examples).
"""

import atexit
import functools
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson


class Nursed:
    """A process that was forked; what of subprocess.Popen the tests use."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self._nursery, self.pid = nursery, pid

    def poll(self) -> int | None:
        self._nursery.hear(0.0)
        return self._nursery.codes.get(self.pid)

    def wait(self, within_s: float) -> int:
        deadline = time.monotonic() + within_s
        while (code := self.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"process {self.pid} did not end in {within_s} s")
            self._nursery.hear(min(left, 0.5))
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """Asked without an event loop."""

    def __init__(self) -> None:
        self._end, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            words = (sys.executable, "-P", "-m", "lab.nursery", str(its.fileno()))
            self._process = subprocess.Popen(
                words,
                cwd="/",  # a lab's processes are known by its folder
                start_new_session=True,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._numbers = itertools.count()
        self._pids: dict[int, int] = {}
        self.codes: dict[int, int] = {}

    def start(
        self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, output: Path
    ) -> Nursed:
        number = next(self._numbers)
        request = {
            "number": number,
            "arguments": list(arguments),
            "environ": dict(environ),
            "folder": str(folder),
            "output": str(output),
        }
        self._end.send(orjson.dumps(request))
        while number not in self._pids:
            self.hear(60.0)
        pid = self._pids.pop(number)
        return Nursed(self, pid)

    def hear(self, within_s: float) -> None:
        """Take what it tells, waiting so long for the first."""
        while select.select([self._end], [], [], within_s)[0]:
            message = self._end.recv(1 << 16)
            assert message, "the nursery of the tests is gone"
            told = orjson.loads(message)
            if "code" in told:
                self.codes[told["pid"]] = told["code"]
            else:
                self.codes.pop(told["pid"], None)  # of an older process of that number
                self._pids[told["number"]] = told["pid"]
            within_s = 0.0

    def close(self) -> None:
        self._end.close()
        self._process.wait(30)


@functools.cache
def nursery() -> Nursery:
    """That of this test process."""
    made = Nursery()
    atexit.register(made.close)
    return made
