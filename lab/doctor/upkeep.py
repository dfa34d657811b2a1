"""What a lab that was used for long needs: the modelled system's advice, and what it costs here.

Limits are those of "Delivery performances" and "Performance and throughput issues" (Adobe Campaign
Classic) where these have any.
"""

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from lab.configuration import Loaded
from lab.doctor.diagnosis import Diagnosis
from lab.housekeeping import files
from lab.housekeeping.prune import OF_FILES, Kind, cuts, look
from mail.errors import EnvironmentFault, UserError
from mail.notation import said_duration
from store import deliveries, scheduling, upkeep
from store.engine import Store
from store.schema import HEAD, open_current, state_of
from store.vacuum import size
from world.clock import Clock

DELIVERIES_MAX: Final = 1000
NEW_MAX: Final = 10  # in a day
LARGE: Final = 10_000  # messages; some minutes of a laptop's sending
APART_S: Final = 300.0
INACTIVE_S: Final = 365 * 86_400.0
DEFERRED_MAX: Final = 0.1  # of the attempts of a day
ATTEMPTS_MIN: Final = 100  # fewer say nothing
STORE_LARGE_BYTES: Final = 1_000_000_000
EMPTY_MAX: Final = 0.25  # of a store
EMPTY_MIN_BYTES: Final = 10_000_000
_PARTS_PER_WAY: Final = 64  # as the scheduler looks


def look_at_upkeep(loaded: Loaded, clock: Clock) -> Iterator[Diagnosis]:
    """Warnings only; a store that cannot be used is told by ``stores``."""
    try:
        if state_of(loaded.store_url).revision != HEAD:
            return
        with contextlib.closing(open_current(loaded.store_url)) as store:
            found = list(_look(store, loaded, clock))
    except (EnvironmentFault, UserError):
        return
    yield from found
    if not found:
        yield Diagnosis("upkeep", "ok", "nothing is due: no old records, no crowd, no gaps")


def _look(store: Store, loaded: Loaded, clock: Clock) -> Iterator[Diagnosis]:
    crowd = store.read_now(upkeep.crowd, clock.now())
    yield from _crowd(store, crowd, clock)
    yield from _starts(store, clock)
    yield from _attempts(store, clock)
    yield from _addresses(store, clock)
    yield from _old_records(store, loaded, clock, crowd)
    yield from _journals(store, loaded)
    yield from _room(store)


def _crowd(store: Store, crowd: upkeep.Crowd, clock: Clock) -> Iterator[Diagnosis]:
    if crowd.failures:
        names = " ".join(map(str, crowd.failed))
        more = " …" if crowd.failures > len(crowd.failed) else ""
        what = f"{crowd.failures} failed deliveries are left: {names}{more}"
        yield Diagnosis("failed deliveries", "warning", what, f"`mtalab delete {names}`")
    if crowd.all < DELIVERIES_MAX and crowd.new <= NEW_MAX:
        return
    took_ms = _scheduler_look_s(store, clock) * 1000
    told = f"{crowd.all} deliveries, {crowd.new} of them of the last day"
    what = f"{told}; one look of the scheduler takes {took_ms:.1f} ms"
    yield Diagnosis(
        "deliveries",
        "warning",
        what,
        f"Advised are less than {DELIVERIES_MAX}, and {NEW_MAX} new ones a day: `mtalab delete` "
        "what is not needed, and send to larger lists.",
    )


def _scheduler_look_s(store: Store, clock: Clock) -> float:
    """What a round of the scheduler reads, read once: seconds; each waits for it."""
    now, began = clock.now(), clock.monotonic()
    store.read_now(deliveries.is_any_unfinished)
    store.read_now(deliveries.is_any_complete, now)
    store.read_now(scheduling.view, now, _PARTS_PER_WAY)
    return clock.monotonic() - began


def _starts(store: Store, clock: Clock) -> Iterator[Diagnosis]:
    starts = store.read_now(upkeep.large_starts, clock.now(), LARGE)
    close = [
        (before, after)
        for before, after in pairwise(starts)
        if after.contact_at - before.contact_at < APART_S
    ]
    if not close:
        return
    before, after = close[0]
    gap = said_duration(after.contact_at - before.contact_at)
    what = (
        f"deliveries {before.delivery_id} and {after.delivery_id} begin within {gap}, with "
        f"{before.messages + after.messages} messages together"
        + (f"; {len(close) - 1} more such pairs" if len(close) > 1 else "")
    )
    mend = "Let large ones begin 5 to 10 minutes apart (`submit --at`), or in waves (`--waves`)."
    yield Diagnosis("delivery dates", "warning", what, mend)


def _attempts(store: Store, clock: Clock) -> Iterator[Diagnosis]:
    seen = store.read_now(upkeep.attempts_since, clock.now() - 86_400.0)
    if seen.all < ATTEMPTS_MIN or seen.deferred < DEFERRED_MAX * seen.all:
        return
    share = seen.deferred / seen.all
    what = f"{seen.deferred} of the {seen.all} attempts of a day were deferred ({share:.0%})"
    mend = "Each is made again: `mtalab why` and `mtalab lane list` say who defers, and what for."
    yield Diagnosis("soft errors", "warning", what, mend)


def _addresses(store: Store, clock: Clock) -> Iterator[Diagnosis]:
    count = store.read_now(upkeep.inactive_addresses, clock.now() - INACTIVE_S)
    if count:
        what = f"{count} addresses had their last error 12 months ago or more"
        mend = "`mtalab prune --kind addresses --older-than 365d`"
        yield Diagnosis("addresses", "warning", what, mend)


def _old_records(
    store: Store, loaded: Loaded, clock: Clock, crowd: upkeep.Crowd
) -> Iterator[Diagnosis]:
    before = cuts(loaded, clock.now(), list(Kind), None)
    found = [each for each in look(store, loaded, before) if each.rows]
    if not found:
        return
    units = {each: "files" if each in OF_FILES else "rows" for each in Kind}
    told = [f"{each.kind.replace('_', ' ')} {each.rows} {units[each.kind]}" for each in found]
    what = f"older than [retention] keeps: {', '.join(told)}"
    old = sum(each.rows for each in found if each.kind is Kind.DELIVERY_LOGS)
    if old and crowd.messages:
        share = min(1.0, old / crowd.messages)
        what += f"; the messages are about {share * size(store).whole / 1e6:.1f} MB of the store"
    yield Diagnosis("old records", "warning", what, "`mtalab prune`, or [retention] daily.")


def _journals(store: Store, loaded: Loaded) -> Iterator[Diagnosis]:
    for path in files.damaged_journals(store, loaded):
        what = f"{path} is of a worker that ended, and holds what could not be read"
        mend = "`mtalab audit` says when. Look at it, then remove it."
        yield Diagnosis("journals", "warning", what, mend)


def _room(store: Store) -> Iterator[Diagnosis]:
    found = size(store)
    said = f"the store has {found.whole / 1e6:.0f} MB, {found.free / 1e6:.0f} MB of them empty"
    if found.free > max(EMPTY_MIN_BYTES, EMPTY_MAX * found.whole):
        yield Diagnosis("store size", "warning", said, "`mtalab prune --vacuum` gives them back.")
    elif found.whole > STORE_LARGE_BYTES:
        mend = "`mtalab prune --dry-run` says what may go; shorter ages are set under [retention]."
        yield Diagnosis("store size", "warning", said, mend)
