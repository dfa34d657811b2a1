"""Whether the store is there, is ours to write, is current, and agrees with our clock."""

import contextlib
from collections.abc import Iterator

from lab.configuration import Loaded
from lab.doctor.diagnosis import Diagnosis
from mail.errors import EnvironmentFault, UserError
from mail.notation import said_duration
from store import inspection
from store.engine import shown_url
from store.schema import HEAD, SchemaState, open_current, state_of
from world.clock import Clock

AHEAD_S = 2.0  # heartbeats come each second: younger than that may be a clock read twice


def look_at_store(loaded: Loaded, clock: Clock) -> Iterator[Diagnosis]:
    """Reachable, current, writable, and of the same time as this machine."""
    url = shown_url(loaded.store_url)
    try:
        state = state_of(loaded.store_url)
        if state.revision != HEAD:
            yield _other_schema(url, state)
            return
        with contextlib.closing(open_current(loaded.store_url)) as store:
            inspection.try_writing(store)
            times = store.read_now(inspection.times)
            now = clock.now()
    except (EnvironmentFault, UserError) as error:
        yield Diagnosis("store", "error", error.what, error.remedy)
        return
    yield Diagnosis("store", "ok", f"{url} can be written; its schema, {HEAD}, is current")
    yield from _times(times, now, loaded.configuration.scheduler.lease)


def _other_schema(url: str, state: SchemaState) -> Diagnosis:
    if state.revision is None:
        return Diagnosis("store", "ok", f"{url} is not made yet; the first `mtalab up` does that")
    if not state.is_known:
        return Diagnosis(
            "store",
            "error",
            f"{url} is of schema {state.revision}, this mtalab knows up to {HEAD}",
            "Use the mtalab that made it, or another store.",
        )
    return Diagnosis(
        "store",
        "warning",
        f"{url} is of schema {state.revision}, this mtalab's is {HEAD}",
        "The next `mtalab up` migrates it; an older mtalab can then not use it any more.",
    )


def _times(times: inspection.Times, now: float, lease_s: float) -> Iterator[Diagnosis]:
    ahead = 0.0 if times.newest is None else times.newest - now
    if ahead > AHEAD_S:
        yield Diagnosis(
            "clock",
            "error",
            f"the store knows of things that happened {said_duration(ahead)} after now",
            "Set this machine's clock (NTP). If it is right now and was ahead, mail moves again "
            "when the time has come.",
        )
    if times.server is None:
        return
    apart = abs(times.server - now)
    if apart > lease_s / 3:
        yield Diagnosis(
            "clock",
            "warning",
            f"this machine and the database server are {said_duration(apart)} apart",
            f"Set both clocks (NTP): leases last {lease_s:g} s, and hosts compare their times.",
        )
    else:
        yield Diagnosis("clock", "ok", "this machine and the database server agree on the time")
