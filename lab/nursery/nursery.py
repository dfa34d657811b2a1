"""The nursery: forks a process for each request, and tells when and how each has ended.

It lives as long as whoever asks it: when that one dies, however it dies, its socket ends, the
nursery leaves, and the children see that they have another parent (``Machine.is_orphan``).
"""

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from setproctitle import setproctitle

from lab import lifetime
from lab.nursery import asking
from world import crash

MESSAGE_MAX: Final = 1 << 20  # bytes; an environment is what is large
PARENTS: Final = (("up",), ("mta", "run"))  # those who start processes themselves
_LOADED: Final = (
    "aiosmtplib",
    "structlog",
    "uvloop",
    "lab.cli.main",
    *(f"lab.cli.{name}" for name in ("inmail", "mta", "scheduler", "sink", "submission")),
    *(f"lab.cli.{name}" for name in ("tracking", "up", "worker")),
    *(f"lab.services.{name}" for name in ("inmail", "instance", "scheduler", "sinks")),
    *(f"lab.services.{name}" for name in ("submission", "tracking", "up", "worker")),
    "sqlalchemy.dialects.sqlite.pysqlite",
    "store.schema",
)


@dataclass(frozen=True, slots=True)
class Request:
    """A process that is wanted: as ``command_line`` would start it."""

    number: int
    arguments: Sequence[str]  # of the program
    environ: Mapping[str, str]  # all of it
    folder: str
    output: str | None  # file for its words; None: where the nursery's go


def load() -> None:
    """Import what the processes of a lab need."""
    setproctitle("mtalab nursery")  # finds its place in memory now
    for name in _LOADED:
        with contextlib.suppress(ModuleNotFoundError):  # Windows has no uvloop
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a look for garbage would copy shared memory


def serve(asker: socket.socket) -> Request | None:
    """Fork for ever. Returns in each child what it is to become; None: nobody asks any more."""
    with selectors.DefaultSelector() as selector:
        selector.register(asker, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is not None:
                    selector.unregister(key.fd)
                    _tell_end(asker, key.fd, key.data)
                    continue
                request = _heard(asker)
                if request is None:
                    return None
                pid = _forked(asker, request)
                if pid == 0:
                    asker.close()
                    _close_all(selector, asker)
                    return request
                if pid is not None:
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)


def _heard(asker: socket.socket) -> Request | None:
    try:
        message = asker.recv(MESSAGE_MAX)
    except ConnectionResetError:
        return None
    return Request(**orjson.loads(message)) if message else None


def _forked(asker: socket.socket, request: Request) -> int | None:
    """0 in the child, its number here; None: there is none, which was told."""
    try:
        pid = os.fork()
    except OSError as error:
        _tell(asker, {"number": request.number, "errno": error.errno})
        return None
    if pid:
        _tell(asker, {"number": request.number, "pid": pid})
    return pid


def _tell_end(asker: socket.socket, descriptor: int, pid: int) -> None:
    os.close(descriptor)
    _, status = os.waitpid(pid, 0)
    _tell(asker, {"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(asker: socket.socket, what: Mapping[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # seen where it is read, too
        asker.send(orjson.dumps(what))


def _close_all(selector: selectors.BaseSelector, asker: socket.socket) -> None:
    """What the nursery has open is none of a child's business."""
    for key in list(selector.get_map().values()):
        if key.fileobj is not asker:
            os.close(key.fd)


def become(request: Request) -> None:
    """Be the process that is wanted, as if it had been started by its command line.

    Raises:
        OSError: the file for its words cannot be opened.
    """
    os.setsid()
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environ)
    os.environ[lifetime.PARENT] = str(os.getppid())
    _redirect(request.output)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    crash.begin(os.environ)
    sys.argv = ["mtalab", *request.arguments]
    setproctitle(" ".join(sys.argv))


def _redirect(output: str | None) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if output is not None:
        file = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)


def run(asker: socket.socket) -> None:
    """Serve; and in each child, be what it is to be until its end."""
    request = serve(asker)
    while request is not None:
        if not _starts_processes(request.arguments):
            break
        # One of its own, made while nothing but modules is in memory.
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            its.close()
            asking.own = mine
            break
        mine.close()
        os.setsid()
        setproctitle(f"mtalab nursery of {' '.join(request.arguments)}")
        request = serve(its)
    if request is None:
        return
    become(request)
    from lab.cli import main

    main.run()


def _starts_processes(arguments: Sequence[str]) -> bool:
    return any(tuple(arguments[: len(each)]) == each for each in PARENTS)
