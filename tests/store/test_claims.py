"""A worker's claim, which reads beside its own settlements: what it read may be over by then."""

import asyncio

import pytest

from mta.journal import Journal
from mta.measures import Count, Measures
from mta.worker import Worker, World
from store import leases, modules, settlement
from store.transitions import Author
from tests.fakes.lane_scene import settings_for, until
from tests.store.hand import LEASE
from world.chance import SeededChance


class Late:
    """A store whose second claim that finds something reads before a settlement, ends after it.

    After that nobody is known to have committed anything.
    """

    def __init__(self, store):
        self._store = store
        self.found = []  # what claims saw
        self.has_settled = asyncio.Event()
        self.read = store.read

    def watch(self):
        return self

    def has_any(self, *_):
        return True

    def has_changed(self):
        return self.seen < 2

    async def read_apart(self, operation, *args):
        found = await self._store.read_apart(operation, *args)
        if operation is leases.leased_to:
            self.found.append(found)
            if self.seen == 2:
                await self.has_settled.wait()
        return found

    async def write(self, operation, *args):
        if operation is not settlement.settle:
            return await self._store.write(operation, *args)
        await until(lambda: self.seen >= 2)
        recorded = await self._store.write(operation, *args)
        self.has_settled.set()
        return recorded

    @property
    def seen(self):
        return sum(map(bool, self.found))


@pytest.fixture
def world(clock, tmp_path):
    process, journal = modules.Process("host", 4711, 1 << 20), Journal(tmp_path / "j")
    return lambda store: World(
        store,
        clock,
        SeededChance(1),
        journal,
        lambda: process,
        measures=Measures(),
    )


def test_what_is_given_back_while_a_claim_reads_is_not_taken_up_again(hand, store, clock, world):
    hand.submit(["x@a.test", "y@a.test"])  # no way leads there: both are given back at once

    async def day():
        late = Late(store)
        around = world(late)
        worker = Worker(around, settings_for())
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            await until(lambda: worker.worker_id)
            now, grants = clock.now(), hand.grants(Author("m1", worker.worker_id))
            store.write_now(leases.lease, grants, now, now + LEASE)
            await until(lambda: late.has_settled.is_set() and not late.found[-1])
            worker.stop()
        return around.measures.tally.counts[Count.GIVEN_BACK]

    assert asyncio.run(day()) == 2
    assert [each.size for each in hand.queued()] == [2]
