"""``mtalab replan``: queued mail is held against the configuration now, by whoever may do that.

Only who leads plans: two who go by different files would undo each other's work, and mail would
point to source IPs that nobody knows. Where no scheduler leads, we lead for as long as it takes.
Where one does, it is made to read the file again and to look through all; if it goes by another
configuration, that is what has to be mended.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from lab.configuration import Loaded
from lab.following import Account, accounts, hang_up
from lab.lifetime import this_user
from monitor.outlook import Outlook
from scheduler.housekeeping import Housekeeping
from scheduler.settings import settings_from
from store import audit, modules, plans, replan
from store.dialects import Leadership
from store.engine import Store
from world.clock import Clock

LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Left:
    """What does not fit the configuration: plans of domains, and deliveries with other parts."""

    plans: int
    deliveries: int

    def __bool__(self) -> bool:
        return bool(self.plans or self.deliveries)


@dataclass(frozen=True, slots=True)
class Replanned:
    """What came of it. ``by``: None where nothing was to be done."""

    by: Literal["hand", "scheduler"] | None
    found: Left
    messages: int | None  # that were moved; None: the scheduler did it, and does not say
    left: Left
    why: str = ""


async def replan_now(
    loaded: Loaded, store: Store, outlook: Outlook, clock: Clock, within_s: float
) -> Replanned:
    """Have all plans fit the configuration; waits for a scheduler no longer than ``within_s``."""
    found = await _left(store, outlook)
    if not found:
        return Replanned(None, found, 0, found)
    leadership = store.try_lead()
    if leadership is None:
        return await _by_scheduler(loaded, store, outlook, clock, within_s, found)
    return await _by_hand(loaded, store, outlook, clock, leadership, found)


async def _left(store: Store, outlook: Outlook) -> Left:
    planned = await store.read(plans.every)
    changed = sum(
        outlook.plan(each.affinity, each.domain) != (each.mx_group, each.source_ips)
        for each in planned
    )
    ids = {each.delivery_id for each in planned}
    astray = [each for each in sorted(ids) if await store.read(replan.astray, each)]
    return Left(changed, len(astray))


async def _by_hand(
    loaded: Loaded,
    store: Store,
    outlook: Outlook,
    clock: Clock,
    leadership: Leadership,
    found: Left,
) -> Replanned:
    async def bury(*_: object) -> None:
        raise AssertionError("who only replans buries nobody")

    try:
        house = Housekeeping(store, clock, settings_from(loaded.configuration), bury)
        moved = await house.replan()
        while await house.cut():  # what is in a part is seen to wait for a worker, not for a retry
            pass
        note = f"queued mail was planned anew by hand by {this_user()}: {moved} messages"
        await store.write(audit.note, clock.now(), note)
    finally:
        leadership.release()
    return Replanned("hand", found, moved, await _left(store, outlook))


async def _by_scheduler(
    loaded: Loaded, store: Store, outlook: Outlook, clock: Clock, within_s: float, found: Left
) -> Replanned:
    deadline = clock.monotonic() + within_s
    asked_at = clock.now()
    hang_up(_schedulers(loaded))
    left = found
    while left and clock.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY_S)
        left = await _left(store, outlook)
    why = _why(_schedulers(loaded), asked_at) if left else ""
    return Replanned("scheduler", found, None, left, why)


def _schedulers(loaded: Loaded) -> list[Account]:
    return [each for each in accounts(loaded.directory) if each.name == modules.SCHEDULER]


def _why(there: list[Account], asked_at: float) -> str:
    if not there:
        return (
            "a scheduler leads that is not of this folder, perhaps on another machine; it goes by "
            "another configuration, and what it plans is what counts"
        )
    complaint = next((each.complaint for each in there if each.complaint), None)
    if complaint is not None:
        return f"the scheduler refuses the file: {complaint}"
    pids = ", ".join(str(each.pid) for each in there)
    if all(each.at < asked_at for each in there):
        return f"the scheduler (pid {pids}) does not answer"
    return f"the scheduler (pid {pids}) is not through yet"
