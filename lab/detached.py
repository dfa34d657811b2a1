"""A lab in the background: ``mtalab up --detach`` starts it, ``mtalab down`` stops it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.configuration import Loaded
from lab.lifetime import is_running
from lab.machine import command_line
from lab.readiness import not_running
from lab.stores import store_of
from lab.up_lock import LabIsUp, owner_of
from mail.errors import EnvironmentFault
from world.clock import Clock

LOG: Final = "up.log"
LOOK_EVERY_S: Final = 0.1
GOING_UP_S: Final = 2.0  # for an owner that is only just starting or ending
STOPPED_WITHIN_S: Final = 45.0  # a supervisor gives its senders 20 s, then its sinks
SAID_MAX: Final = 3000  # characters of the log that are shown when a lab does not start


class LabDidNotStart(EnvironmentFault):
    """The lab in the background ended, or was not ready in time."""


class CannotStop(EnvironmentFault):
    """A lab runs, but not one that we can stop, or it does not stop."""


async def start_detached(loaded: Loaded, clock: Clock, within_s: float) -> int:
    """Start the lab in the background; returns its pid when it is ready.

    Raises:
        LabIsUp: it runs already.
        LabDidNotStart: it ended, or was not ready in time; then it is stopped again.
    """
    loaded.directory.mkdir(parents=True, exist_ok=True)
    if owner_of(loaded.directory) is not None:
        raise LabIsUp(
            f"another `mtalab up` runs the lab in {loaded.directory}",
            remedy="Use that one, or stop it first: `mtalab down`.",
        )
    log = loaded.directory / LOG
    before = log.stat().st_size if log.exists() else 0
    since, deadline = clock.now(), clock.monotonic() + within_s
    form = loaded.overrides.get("lab.log")
    flags = [] if form is None else ["--log-format", form]
    process = _spawn(command_line(loaded.path, "up", *flags), log)
    is_ready = False
    try:
        while missing := _missing(loaded, since):
            if process.poll() is not None:
                raise LabDidNotStart(
                    f"the lab ended as it started:\n{_said(log, before)}",
                    remedy="`mtalab doctor` finds what keeps it from running.",
                )
            if clock.monotonic() > deadline:
                raise LabDidNotStart(
                    f"the lab was not ready within {within_s:g} s and is stopped again; not "
                    f"running: {', '.join(missing)}. Its log, {log}, says:\n{_said(log, before)}",
                    remedy="A busy machine may need longer: --within. `mtalab doctor` finds more.",
                )
            await asyncio.sleep(LOOK_EVERY_S)
        is_ready = True
    finally:
        if not is_ready:  # Ctrl-C while it starts, too
            await _end(process, clock)
    return process.pid


def _spawn(argv: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    # A session of its own: neither Ctrl-C nor the end of this terminal reaches it.
    with log.open("ab") as words:
        return subprocess.Popen(  # noqa: S603 - ourselves
            argv, start_new_session=True, stdin=subprocess.DEVNULL, stdout=words, stderr=words
        )


def _missing(loaded: Loaded, since: float) -> list[str]:
    if owner_of(loaded.directory) is None:
        return ["mtalab up"]
    with contextlib.closing(store_of(loaded)) as store:
        return not_running(store, loaded, heard_since=since)


def _said(log: Path, before: int) -> str:
    with log.open("rb") as words:
        words.seek(before)
        return words.read().decode(errors="replace").strip()[-SAID_MAX:] or "nothing"


async def _end(process: "subprocess.Popen[bytes]", clock: Clock) -> None:
    if process.poll() is None:
        process.terminate()
    deadline = clock.monotonic() + STOPPED_WITHIN_S
    while process.poll() is None:
        if clock.monotonic() > deadline:
            process.kill()  # its children leave by themselves
        await asyncio.sleep(LOOK_EVERY_S)


async def stop_lab(loaded: Loaded, clock: Clock, within_s: float) -> int | None:
    """Stop the lab of this folder in order and wait for its end; None when none runs.

    Returns:
        The pid that it had.

    Raises:
        CannotStop: a program runs it that no signal stops, or it does not end in time.
    """
    deadline = clock.monotonic() + GOING_UP_S
    while (owner := owner_of(loaded.directory)) is not None and owner.pid is None:
        if clock.monotonic() > deadline:
            raise CannotStop(
                f"the lab in {loaded.directory} is run by a program of its own",
                remedy="End that program: a script with mtalab.Lab, or a test.",
            )
        await asyncio.sleep(LOOK_EVERY_S)
    if owner is None or owner.pid is None:
        return None
    pid = owner.pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = clock.monotonic() + within_s
    while is_running(socket.gethostname(), pid):
        if clock.monotonic() > deadline:
            raise CannotStop(
                f"the lab (pid {pid}) has not stopped within {within_s:g} s",
                remedy=f"Wait longer with --within, or end it as it is: kill -9 {pid}. "
                "Nothing is lost: the next `mtalab up` clears up.",
            )
        await asyncio.sleep(LOOK_EVERY_S)
    return pid
