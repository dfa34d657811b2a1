"""When a pool tries to connect and when it waits, in virtual time."""

import asyncio
import selectors

import pytest

from mail.outcome import Broken, Stage
from mta import pool as pool_module
from mta.connection_budget import ConnectionBudget
from mta.hosts import Host, Hosts
from mta.pool import LanePool, PoolHooks
from mta.session.handshake import Endpoints
from mta.session.settings import SessionSettings
from world.chance import SeededChance
from world.network import HostNetwork

REFUSED = Broken("refused", Stage.CONNECT)


class _LeapingSelector(selectors.DefaultSelector):
    """Never sleeps: the time that it should have waited has simply passed."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self):
        return self._leaping.now


def tried(monkeypatch, backlog, seconds, *, after_each=lambda _: None):
    """The times at which a pool tried to reach a host that is down, and the pool."""
    times, told = [], []

    async def refuse(*_):
        times.append(round(asyncio.get_running_loop().time(), 3))
        return REFUSED

    async def run():
        async with asyncio.TaskGroup() as tasks:

            def unreachable(answer):
                told.append(answer)
                after_each(pool)

            pool = LanePool(
                Hosts([Host(Endpoints("127.0.0.1", "127.0.0.1", 25))], SeededChance(1)),
                SessionSettings(),
                ConnectionBudget(4),
                network=HostNetwork(),
                hooks=PoolHooks(lambda: None, bool, print, print, unreachable, bool),
                tasks=tasks,
            )
            pool.wake(backlog)
            await asyncio.sleep(seconds)
            assert pool.trouble == (REFUSED if times else None)
            await pool.stop(1)
        return pool

    monkeypatch.setattr(pool_module, "connect", refuse)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    assert told == [REFUSED] * len(times)
    return times


def still_waiting(pool):
    pool.wake(50)


def test_a_host_that_is_down_is_tried_by_one_connection_at_growing_intervals(monkeypatch):
    times = tried(monkeypatch, backlog=100, seconds=200, after_each=still_waiting)
    assert times == pytest.approx([0, 1, 3, 7, 15, 31, 63, 123, 183], abs=0.01)


def test_nothing_is_tried_without_messages(monkeypatch):
    assert tried(monkeypatch, backlog=0, seconds=200) == []


def test_nothing_more_is_tried_once_the_worker_was_told_and_brought_no_messages(monkeypatch):
    assert tried(monkeypatch, backlog=5, seconds=200) == [0]


def test_a_budget_grants_no_more_than_it_has_and_tells_who_waits_in_their_order():
    told: list[str] = []

    def first():
        told.append("first")

    def second():
        told.append("second")

    budget = ConnectionBudget(3)
    assert budget.take(2, first) == 2
    assert budget.take(2, first) == 1
    assert budget.take(1, second) == 0
    assert told == []
    budget.give_back()
    assert told == ["first", "second"]
    budget.give_back()
    assert told == ["first", "second"]


def test_a_budget_that_was_lowered_grants_nothing_until_enough_is_given_back():
    budget = ConnectionBudget(3)
    assert budget.take(3, print) == 3
    budget.most = 1
    budget.give_back()
    budget.give_back()
    assert budget.take(1, lambda: None) == 0
    budget.give_back()
    assert budget.take(1, lambda: None) == 1
