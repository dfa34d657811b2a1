"""Following the configuration file, and an account of it that others can read.

Each process writes a small file of its own into the lab's directory: which text of the
configuration it goes by since when, what it could not follow, and what only a restart would bring.
``mtalab config apply`` reads them. They are files, not rows, since the file that is followed is
this machine's too, and since this must work while the store is away.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from lab.configuration import Loaded
from lab.logs import complain
from lab.machine import Machine
from lab.watch import changes
from mail.errors import UserError
from world.log import Log

UP: Final = "up"
_FOLDER: Final = "processes"
_CLOCK_STEP_S: Final = 1.0  # the kernel's start times are reckoned from the boot time

# What a process settles when it starts, by dotted key of the file. What all of them do needs a
# restart of the lab: children go by what their supervisor settled, through their environment. For
# the rest the supervisor restarts the one process.
_OF_ALL: Final = ("lab.directory", "lab.store", "lab.durability", "lab.log")
SETTLED: Final[Mapping[str, Sequence[str]]] = {
    "sinks": ("sink", "personality"),
    "submission": ("submission", "lab.domain"),
    "inmail": ("inmail.listen", "lab.domain"),
    "tracking": ("tracking.listen",),
    "web": ("web.listen", "web.request_max"),
    "readers": ("reader", "readers", "lab.allow_networks"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """What a process says of its configuration; times in epoch seconds."""

    name: str
    pid: int
    digest: str  # of the text that it goes by
    at: float  # when it last took one up, or refused one
    complaint: str  # why the last one was refused; empty: it was not
    restart: tuple[str, ...]  # keys whose change it will see after a restart
    hangup: bool  # whether SIGHUP makes it read the file again


def digest_of(loaded: Loaded) -> str:
    """A short name for a text of the configuration, and of the rules that go with it."""
    text = f"{loaded.text}\0{loaded.own_rules}" if loaded.own_rules else loaded.text
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Following:
    """One process that follows its configuration file. ``name`` may become known later."""

    def __init__(
        self,
        loaded: Loaded,
        name: str,
        reload: Callable[[], Loaded],
        log: Log,
        machine: Machine,
    ) -> None:
        self._loaded, self._reload, self._log, self._clock = loaded, reload, log, machine.clock
        self._first = loaded  # what was settled at the start was settled by this
        self._kind = name
        self._folder = loaded.directory / _FOLDER
        self._asked = asyncio.Event()
        pid = machine.this_process().pid
        self._account = Account(name, pid, digest_of(loaded), 0.0, "", (), hangup=False)

    @contextlib.contextmanager
    def on_hangup(self, then: Callable[[], None] | None = None) -> Iterator[None]:
        """Read the file anew on SIGHUP, while the context lasts; in the main thread only."""
        loop = asyncio.get_running_loop()

        def hung_up() -> None:
            self._asked.set()
            if then is not None:
                then()

        loop.add_signal_handler(signal.SIGHUP, hung_up)
        self._account = replace(self._account, hangup=True)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    def rename(self, name: str) -> None:
        """It is known by now who this is."""
        self._account = replace(self._account, name=name)
        self._write()

    def refuse(self, error: UserError) -> None:
        """The configuration that was just yielded cannot be used after all."""
        complain(self._log, error)
        self._account = replace(self._account, complaint=str(error))

    async def changes(self) -> AsyncIterator[Loaded]:
        """Each new valid configuration; the account is written when the caller has taken it up."""
        self._write()
        try:
            following = changes(
                self._loaded,
                self._reload,
                self._log,
                self._clock,
                asked=self._asked,
                refused=self._refused,
            )
            async for loaded in following:
                self._account = replace(self._account, complaint="")
                yield loaded
                self._take_up(loaded)
        finally:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _take_up(self, loaded: Loaded) -> None:
        if not self._account.complaint:
            self._account = replace(
                self._account,
                digest=digest_of(loaded),
                restart=_settled_otherwise(self._kind, self._first, loaded),
            )
        self._write()

    def _refused(self, error: UserError) -> None:
        self._account = replace(self._account, complaint=str(error))
        self._write()

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._account.pid}.json"

    def _write(self) -> None:
        self._account = replace(self._account, at=self._clock.now())
        new = self._path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.write_bytes(orjson.dumps(asdict(self._account)))
            new.replace(self._path)
        except OSError as error:  # a full disk is no reason to stop following
            self._log.warning("no_account", note=f"cannot write {self._path}: {error}")


def _settled_otherwise(kind: str, first: Loaded, now: Loaded) -> tuple[str, ...]:
    return changed((*_OF_ALL, *SETTLED.get(kind, ())), first, now)


def changed(keys: Iterable[str], before: Loaded, now: Loaded) -> tuple[str, ...]:
    """Those of these dotted keys whose values differ."""
    return tuple(key for key in keys if _value(before, key) != _value(now, key))


def _value(loaded: Loaded, key: str) -> object:
    found: Any = loaded.configuration
    for word in key.split("."):
        found = getattr(found, word)
    return found


def accounts(directory: Path) -> list[Account]:
    """The accounts of processes that live, by name; what a dead one left is removed."""
    found = []
    for file in sorted((directory / _FOLDER).glob("*.json")):
        try:
            given = orjson.loads(file.read_bytes())
            account = Account(**{**given, "restart": tuple(given["restart"])})
        except FileNotFoundError:
            continue  # gone between two looks
        except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
            account = None  # cut short by a crash of the machine, or another version's
        if account is not None and _is_alive(account):
            found.append(account)
        else:
            with contextlib.suppress(OSError):
                file.unlink()
    return sorted(found, key=lambda each: (each.name != UP, each.name))


def _is_alive(account: Account) -> bool:
    try:
        process = psutil.Process(account.pid)
        is_it = process.create_time() <= account.at + _CLOCK_STEP_S
        return is_it and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hang_up(these: Sequence[Account]) -> None:
    """Make processes read their file again; those that SIGHUP would end look by themselves."""
    for each in these:
        if each.hangup and each.pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGHUP)
