"""One ``mtalab up`` per lab: a lock that the kernel drops with its process, and whose it is."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import filelock
import orjson
import psutil

from mail.errors import EnvironmentFault

LOCK: Final = "up.lock"
_OWNER: Final = "up.json"
_PATIENCE_S: Final = 1.0  # who only looks whether it is locked shares it for an instant
_SAME_S: Final = 1.0  # two readings of one start time agree to this


class LabIsUp(EnvironmentFault):
    """Another ``mtalab up`` runs this lab already."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs a lab; ``pid`` is None for a program that no signal of ours may stop."""

    pid: int | None


@contextlib.contextmanager
def up_lock(directory: Path, *, ends_by_signal: bool) -> Iterator[None]:
    """Own the lab in this folder while the context lasts.

    Args:
        directory: of the lab's data.
        ends_by_signal: whether SIGTERM stops the lab of this process in order.

    Raises:
        LabIsUp: somebody else does.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=_PATIENCE_S)
    except filelock.Timeout:
        raise LabIsUp(
            f"another `mtalab up` runs the lab in {directory}",
            remedy="Use that one, or stop it first: `mtalab down`.",
        ) from None
    owner = directory / _OWNER
    try:
        # The lock's own file is emptied by whoever tries it.
        owner.write_bytes(orjson.dumps(_words(ends_by_signal=ends_by_signal)))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def owner_of(directory: Path) -> Owner | None:
    """Who runs the lab in this folder now; None: nobody."""
    try:
        with (directory / LOCK).open("rb") as lock:
            # Shared, so that two who look do not take each other for the owner.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        pass
    try:
        words = orjson.loads((directory / _OWNER).read_bytes())
        return Owner(words["pid"] if _is_of_now(words) else None)
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
        return Owner(None)  # it is only just starting, or just ending


def _words(*, ends_by_signal: bool) -> dict[str, float | None]:
    pid = os.getpid()
    return {"pid": pid if ends_by_signal else None, "started": _started(pid)}


def _started(pid: int) -> float:
    """When a process began, in seconds since the machine did: no set clock changes that."""
    return psutil.Process(pid).create_time() - psutil.boot_time()


def _is_of_now(words: dict[str, Any]) -> bool:
    """Whether the pid is still the one who wrote this, and not a stranger's after a kill -9."""
    try:
        return bool(abs(_started(words["pid"]) - words["started"]) <= _SAME_S)
    except psutil.NoSuchProcess:
        return False
