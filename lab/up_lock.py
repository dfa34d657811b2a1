"""One ``mtalab up`` per lab: a lock that the kernel drops with its process, and whose it is."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock
import orjson

from mail.errors import EnvironmentFault

LOCK: Final = "up.lock"
_OWNER: Final = "up.json"
_PATIENCE_S: Final = 1.0  # who only looks whether it is locked has it for an instant


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
        owner.write_bytes(orjson.dumps({"pid": os.getpid() if ends_by_signal else None}))
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def owner_of(directory: Path) -> Owner | None:
    """Who runs the lab in this folder now; None: nobody."""
    if not (directory / LOCK).exists():
        return None
    try:
        with filelock.FileLock(directory / LOCK, timeout=0):
            return None
    except filelock.Timeout:
        pass
    try:
        return Owner(orjson.loads((directory / _OWNER).read_bytes())["pid"])
    except (OSError, orjson.JSONDecodeError):
        return Owner(None)  # it is only just starting, or just ending
