"""Each fault does what it says, and is over when it ends."""

import pytest
import tomli_w

from lab.simulation.faults import FAULTS, fault
from lab.simulation.process import State
from lab.simulation.simulation import simulated
from lab.simulation.storms.acts import Operators
from lab.simulation.storms.storm import Mail
from mail.states import MessageStatus
from store.observing import Observer
from tests.simulation.test_same_run import STEADY

LAB = {
    **STEADY.lab,
    "mta": {"m1": {**STEADY.lab["mta"]["m1"], "connections": 2}},
    "personality": {"twice": {"latency": {"data": 0.3}, "extensions": ["PIPELINING"]}},
}
SINK = "127.0.2.1:2525"


class Run:
    """A lab into which mail has just been submitted."""

    def __init__(self, sim):
        self.sim = sim

    def worker(self):
        return self.sim.machines.living("worker")[0]

    def sent(self):
        messages = Observer(self.sim.store).messages()
        return sum(each.status == MessageStatus.SENT for each in messages)


@pytest.fixture
def during(tmp_path):
    """Runs ``check`` while mail is on its way; a fault lasts from then until it returns."""

    def run(do, check, then=lambda run: None, **given):
        with simulated(tomli_w.dumps(LAB), seed=1, folder=tmp_path) as sim:

            async def experiment():
                sim.start()
                await sim.until(2)
                Operators(sim, LAB).submit(Mail(2.0, {"one.test": 30, "two.test": 4}, part_size=8))
                await sim.until(2.3)
                chosen = fault(do, given)
                state = Run(sim)
                before = state.sent()
                chosen.begin(sim)
                await check(state, before)
                chosen.end(sim)
                await sim.until(60)
                then(state)
                assert state.sent() == 34
                assert sim.machines.crashes == []

            sim.run(experiment())

    return run


def test_kill(during):
    async def check(run, _before):
        dead = [each for each in run.sim.machines.processes.values() if each.state is State.DEAD]
        assert [each.words[0] for each in dead] == ["worker"]

    during("kill", check, process="worker", which=0)


def test_kill_at_step(during):
    async def check(run, _before):
        worker = run.worker()
        assert worker.state is State.RUNNING
        await run.sim.until(2.6)
        assert worker.state is State.DEAD

    during("kill_at_step", check, process="worker", which=0, steps=3)


def test_kill_at_point(during):
    async def check(run, _before):
        await run.sim.until(2.9)
        dead = [each for each in run.sim.machines.processes.values() if each.state is State.DEAD]
        assert {each.words[0] for each in dead} == {"worker"}

    during("kill_at_point", check, point="worker.journalled", nth=2)


def test_stall(during):
    async def check(run, _before):
        assert run.worker().state is State.STOPPED
        await run.sim.until(3)
        assert all(each.state is State.STOPPED for each in run.sim.machines.living("worker"))

    during("stall", check, process="worker")


def test_partition_and_skew_are_those_of_processes_that_come_too(during):
    async def cut_off(run, _before):
        run.sim.machines.kill(run.worker())
        await run.sim.until(4)
        assert all(each.is_cut_off for each in run.sim.machines.living("worker"))

    def healed(run):
        assert not any(
            each.is_cut_off
            for each in run.sim.machines.processes.values()
            if each.state is not State.DEAD
        )

    during("partition", cut_off, healed, process="all of m1")

    async def wrong(run, _before):
        run.sim.machines.kill(run.worker())
        await run.sim.until(3)
        assert {each.skew_s for each in run.sim.machines.living("worker")} == {0.5}

    during("clock_skew", wrong, process="worker", by_s=0.5)


def test_reset(during):
    async def check(run, _before):
        assert all(place != SINK for _, place in run.sim.wire.open.values())

    during("reset", check, place=SINK)


@pytest.mark.parametrize("do", ["silence", "refusing"])
def test_nothing_arrives(during, do):
    async def check(run, before):
        run.sim.wire.reset(SINK)
        await run.sim.until(3.5)
        assert run.sent() - before <= 4  # by the other sink

    during(do, check, place=SINK)


def test_latency(during):
    async def check(run, before):
        run.sim.wire.reset(SINK)
        await run.sim.until(3.5)
        assert run.sent() - before <= 4

    during("latency", check, place=SINK, extra_s=5.0)


def test_loss(during):
    async def check(run, _before):
        await run.sim.until(2.8)
        assert run.sim.wire.unheard

    during("loss", check, place=SINK, chance=0.5)


def test_missing_ip(during):
    async def check(run, _before):
        run.sim.wire.reset("*")
        await run.sim.until(3)
        used = {end.get_extra_info("sockname")[0] for end, _ in run.sim.wire.open.values()}
        assert "127.0.1.1" not in used

    during("missing_ip", check, ip="127.0.1.1")


@pytest.mark.parametrize("disk", ["journal", "receipts", "store"])
def test_disk_full(during, disk):
    async def check(run, before):
        await run.sim.until(4)
        # What is in flight when the journal is full is still recorded by the store.
        assert run.sent() - before <= (24 if disk == "journal" else 0)

    during("disk_full", check, disk=disk)


def test_slow_store(during):
    async def check(run, _before):
        assert run.sim.shared.slowness_s == 0.2
        await run.sim.until(3)

    during("slow_store", check, lambda run: None, up_to_s=0.2)


def test_each_fault_is_tested():
    tested = "kill kill_at_step kill_at_point stall partition clock_skew reset silence refusing"
    tested += " latency loss missing_ip disk_full slow_store"
    assert set(tested.split()) == set(FAULTS)
