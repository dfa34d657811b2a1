"""How long a process of the lab lives."""

import asyncio
import os

import pytest

from lab import lifetime
from lab.lifetime import until_told_to_stop
from lab.machine import ThisMachine
from world.clock import SystemClock


def lives_on(*, with_parent):
    async def look():
        try:
            told = (SystemClock(), ThisMachine().is_orphan) if with_parent else ()
            await asyncio.wait_for(until_told_to_stop(*told), 0.2)
        except TimeoutError:
            return True
        return False

    return asyncio.run(look())


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(lifetime, "_ORPHAN_CHECK_S", 0.01)


def test_a_child_whose_parent_was_gone_before_it_could_look_leaves(hasty, monkeypatch):
    monkeypatch.setenv(lifetime.PARENT, "999999999")
    assert not lives_on(with_parent=True)
    assert lives_on(with_parent=False)


def test_a_child_stays_with_its_parent_whether_it_was_told_of_it_or_not(hasty, monkeypatch):
    monkeypatch.setenv(lifetime.PARENT, str(os.getppid()))
    assert lives_on(with_parent=True)
    monkeypatch.delenv(lifetime.PARENT)
    assert lives_on(with_parent=True)


def test_what_is_done_to_the_end_is_done_before_a_cancellation_goes_on():
    done = []

    async def work():
        await asyncio.sleep(0.05)
        done.append("work")

    async def run():
        task = asyncio.create_task(lifetime.to_the_end(work()))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["work"]

    asyncio.run(run())


def test_what_fails_at_the_end_fails():
    async def work():
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        asyncio.run(lifetime.to_the_end(work()))
