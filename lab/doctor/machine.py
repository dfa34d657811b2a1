"""Disk, clock, and limits of open files."""

import os
import resource
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lab.configuration import Loaded
from lab.doctor.diagnosis import Diagnosis
from monitor.lanes import configured_lanes
from store.engine import file_of
from world.clock import Clock

# The demo's messages take 2.9 kB each in store, receipts and inbox (`mtalab demo --keep x; du -sb
# x/.mtalab`): room for 35,000 more of them, and for 350,000.
DISK_FULL_BYTES: Final = 100_000_000
DISK_LOW_BYTES: Final = 1_000_000_000
BORN: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()  # before that there was no mtalab
OTHER_FILES: Final = 64  # of a process besides its connections: store, journals, pipes, libraries


def look_at_disk(loaded: Loaded) -> Iterator[Diagnosis]:
    """Room and rights where the lab writes."""
    folders = [loaded.directory]
    file = file_of(loaded.store_url)
    if file is not None and file.parent != loaded.directory:
        folders.append(file.parent)
    for folder in folders:
        there = _nearest(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            mend = "Make it writable for this user, or choose another directory under [lab]."
            yield Diagnosis("disk", "error", f"{there} cannot be written", mend)
            continue
        free = shutil.disk_usage(there).free
        what = f"{free / 1e9:.1f} GB free at {folder}"
        if free < DISK_FULL_BYTES:
            yield Diagnosis("disk", "error", what, "Make room: a full disk stops all sending.")
        elif free < DISK_LOW_BYTES:
            yield Diagnosis("disk", "warning", what, "Make room before a large delivery.")
        else:
            yield Diagnosis("disk", "ok", what)


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it in which it will be made."""
    return folder if folder.exists() else _nearest(folder.parent)


def look_at_clock(clock: Clock) -> Iterator[Diagnosis]:
    """A clock that was never set."""
    now = clock.now()
    said = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    if now < BORN:
        yield Diagnosis("clock", "error", f"it is {said}, says the clock", "Set it (NTP).")
    else:
        yield Diagnosis("clock", "ok", f"it is {said}")


def look_at_open_files(loaded: Loaded) -> Iterator[Diagnosis]:
    """Whether each process may have as many connections as the configuration gives it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _needed(loaded)
    if not needed:
        return
    name, most = max(needed.items(), key=lambda each: each[1])
    if soft == resource.RLIM_INFINITY or most <= soft:
        what = f"{_said(soft)} open files allowed; {name} needs {most} at most"
        yield Diagnosis("open files", "ok", what)
        return
    mend = f"`ulimit -n {most}` before `mtalab up`"
    if hard != resource.RLIM_INFINITY and most > hard:
        mend += f", once the hard limit of {hard} is raised (LimitNOFILE=, limits.conf)"
    yield Diagnosis(
        "open files",
        "warning",
        f"{soft} open files allowed, but {name} may need {most}",
        f"{mend}; or allow fewer connections or workers.",
    )


def _said(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)


def _needed(loaded: Loaded) -> dict[str, int]:
    """Files that each kind of process has open when all its connections are, at most."""
    configuration = loaded.configuration
    lanes = configured_lanes(configuration)
    needed, all_connections = {}, 0
    for name, mta in configuration.mta.items():
        connections = sum(
            each.max_connections or mta.connections
            for each in lanes
            if set(each.affinities) & set(mta.affinities)
        )
        needed[f"a worker of mta@{name}"] = connections + OTHER_FILES
        all_connections += connections * mta.workers
    if configuration.sink:
        needed["the process of the sinks"] = all_connections + OTHER_FILES
    return needed
