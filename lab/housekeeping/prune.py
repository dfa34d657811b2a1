"""Goes through what is kept too long, kind by kind, some rows at a time."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lab.configuration import Loaded
from lab.housekeeping import files
from store import audit, pruning
from store.engine import Store
from world.clock import Clock

PAUSE_MIN_S: Final = 0.005  # between two steps, and never less than the step took: others write too


class Kind(StrEnum):
    """What can be pruned, in the order in which it is."""

    DELIVERY_LOGS = "delivery_logs"
    TRACKING_LOGS = "tracking_logs"
    TRACKING_FIGURES = "tracking_figures"
    VISITORS = "visitors"
    INBOUND = "inbound"
    DELETED = "deleted"
    COUNTERS = "counters"
    ORPHANS = "orphans"  # before the workers that tell whose journals these are
    WORKERS = "workers"
    AUDIT = "audit"
    ADDRESSES = "addresses"
    SUBMISSION_KEYS = "submission_keys"
    TRACES = "traces"
    RECEIPTS = "receipts"


OF_FILES: Final = frozenset({Kind.ORPHANS, Kind.TRACES, Kind.RECEIPTS})


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went, or would go; ``rows`` are files where the kind is one of files."""

    kind: Kind
    before: float  # epoch seconds: what is older goes
    rows: int
    size: int  # bytes of files


Progress = Callable[[Kind, int], None]  # so many went so far


def cuts(
    loaded: Loaded, now: float, kinds: Iterable[Kind], age_s: float | None
) -> dict[Kind, float]:
    """For each kind that is not kept for ever the time before which it goes.

    Args:
        loaded: the lab.
        now: epoch seconds.
        kinds: those that are asked for.
        age_s: an age that goes before the settings.
    """
    settings = loaded.configuration.retention
    wanted = frozenset(kinds)
    ages = {
        kind: age_s if age_s is not None else getattr(settings, kind, 0.0)
        for kind in Kind
        if kind in wanted
    }
    return {kind: now - age for kind, age in ages.items() if age is not None}


def look(store: Store, loaded: Loaded, before: Mapping[Kind, float]) -> list[Pruned]:
    """What would go now; changes nothing."""
    found = []
    for kind, time in before.items():
        if kind in OF_FILES:
            orphans = _files(store, loaded, kind, time)
            found.append(Pruned(kind, time, *_sums(orphans)))
        else:
            found.append(Pruned(kind, time, store.read_now(pruning.count, kind, time), 0))
    return found


async def prune(
    store: Store, loaded: Loaded, clock: Clock, before: Mapping[Kind, float], progress: Progress
) -> list[Pruned]:
    """Remove it; what a broken-off run has removed is removed, and the next goes on from there.

    Raises:
        StoreUnavailable: the store cannot be written.
    """
    done = []
    for kind, time in before.items():
        if kind in OF_FILES:
            orphans = _files(store, loaded, kind, time)
            gone = Pruned(kind, time, *_sums(orphans))
            for path in (path for each in orphans for path in each.paths):
                path.unlink(missing_ok=True)
        else:
            gone = Pruned(kind, time, await _rows(store, clock, kind, time, progress), 0)
        done.append(gone)
    told = [f"{each.rows} {each.kind.replace('_', ' ')}" for each in done if each.rows]
    if told:
        await store.write(audit.note, clock.now(), f"pruned: {', '.join(told)}")
    return done


async def _rows(store: Store, clock: Clock, kind: Kind, before: float, progress: Progress) -> int:
    gone, after = 0, 0
    while True:
        began = clock.monotonic()
        step = await store.write(pruning.take, kind, before, after, clock.now())
        gone += step.rows
        progress(kind, gone)
        if step.after is None:
            return gone
        after = step.after
        await asyncio.sleep(max(PAUSE_MIN_S, clock.monotonic() - began))


def _files(store: Store, loaded: Loaded, kind: Kind, before: float) -> list[files.Orphan]:
    if kind is Kind.ORPHANS:
        return [*files.journals(store, loaded), *files.known_deliveries(store, loaded)]
    if kind is Kind.TRACES:
        return list(files.traces(loaded, before))
    return list(files.receipts(store, loaded, before))


def _sums(orphans: Sequence[files.Orphan]) -> tuple[int, int]:
    return sum(len(each.paths) for each in orphans), sum(each.size for each in orphans)
