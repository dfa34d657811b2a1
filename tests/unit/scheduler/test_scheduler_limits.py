"""The scheduler's rounds against a store: how many deliveries start, quotas, waves, the breaker."""

import asyncio

import pytest

from affinity.read_toml import read
from affinity.warmup import begin_of, day_of
from affinity.waves import Wave
from lab.configuration import LabConfiguration
from scheduler.service import Scheduler
from scheduler.settings import settings_from
from store import deliveries, lanes, leases, modules, parts, waves
from store.settlement import Settlement, settle
from store.transitions import Author, Outcome
from tests.fakes.clock import FakeClock
from tests.store.hand import ACCEPTED, REFUSED

WARM, OLD = "127.0.1.1", "127.0.1.2"
TEXT = f"""
[affinity.main]
ip = [{{ address = "{WARM}" }}, {{ address = "{OLD}" }}]
[route.a]
domains = ["a.test"]
host = "127.0.0.1:1"
"""


class Scene:
    """A store, a worker that does as it is told, and a scheduler that leads."""

    def __init__(self, store, text):
        self.store, self.clock = store, FakeClock()
        process = modules.Process("h", 1, 1)
        self.scheduler = Scheduler(
            store,
            self.clock,
            settings_from(read(TEXT + text, "x.toml", LabConfiguration)),
            None,
            lambda: process,
        )
        store.write_now(modules.announce_module, modules.SCHEDULER, process, "", self.clock.now())
        self.scheduler._since = self.clock.now()
        number = store.write_now(
            modules.register_worker, "m", ["main"], "j", process, self.clock.now()
        )
        self.author = Author("m", number)

    def submit(self, messages, *, size=10, contact_at=0.0, plan=()):
        now = self.clock.now()
        new = deliveries.NewDelivery(
            "x", "main", 0, size, now, now + contact_at, now + 9e6, "m", b""
        )
        delivery = self.store.write_now(deliveries.create, new)
        if plan:
            self.store.write_now(waves.create, delivery, plan, now)
        people = [parts.NewMessage(f"{n}@a.test", "a.test", "{}") for n in range(messages)]
        for number, at in enumerate(range(0, messages, size), 1):
            part = parts.NewPart(
                "a", (WARM, OLD), people[at : at + size], number, is_held=bool(plan and at)
            )
            self.store.write_now(parts.add, delivery, [part], now)
        self.store.write_now(deliveries.confirm, delivery, now)
        return delivery

    def round(self):
        """What was lent in a round, by source IP."""
        now, worker = self.clock.now(), self.author.worker_id
        self.store.write_now(modules.beat_worker, worker, 1, [], now, now)
        house = self.scheduler._housekeeping
        asyncio.run(house.begin_waves())
        asyncio.run(house.break_lanes())
        before = {each.part_id for each in self.held()}
        asyncio.run(self.scheduler._round())
        found = {}
        for each in self.held():
            if each.part_id not in before:
                found[each.source_ip] = found.get(each.source_ip, 0) + each.size
        return found

    def held(self):
        return self.store.read_now(leases.leased_to, self.author.worker_id)

    def answer(self, verdict=ACCEPTED):
        """All that is in hand gets this answer."""
        now = self.clock.now()
        for lent in self.held():
            messages = self.store.read_now(leases.messages_of, [lent.part_id])[lent.part_id]
            outcomes = [
                Outcome(
                    *(each.message_id, lent.delivery_id, lent.part_id, lent.epoch, each.address),
                    *(each.attempts + 1, now, verdict, None, lent.source_ip, "a", 1.0, 1),
                )
                for each in messages
            ]
            report = Settlement(outcomes, [(lent.part_id, lent.epoch)])
            self.store.write_now(settle, self.author, report, now)
        self.store.write_now(deliveries.finish_complete, now)

    def statuses(self):
        found = self.store.read_now(deliveries.find, newest_first=False)
        return [str(each.status) for each in found]


@pytest.fixture
def scene():
    from store.schema import open_store

    store = open_store("sqlite://", inline=True)
    yield lambda text="": Scene(store, text)
    store.close()


def test_no_more_deliveries_are_in_progress_than_may_be(scene):
    lab = scene("[scheduler]\nmax_deliveries = 2\n")
    for contact_at in (-1.0, -2.0, -3.0, -4.0):
        lab.submit(20, contact_at=contact_at)
    lab.round()
    assert lab.statuses() == ["start_pending", "start_pending", "in_progress", "in_progress"]
    lab.answer()
    lab.round()
    assert lab.statuses() == ["in_progress", "in_progress", "finished", "finished"]


def test_a_quota_is_kept_in_every_round_and_the_other_ip_takes_the_rest(scene):
    lab = scene(f'[[warmup]]\nip = "{WARM}"\nmx = "a.test"\nplan = [15, 30]\nbegins = 2026-11-25\n')
    lab.clock.set(1_795_564_800.0)  # 2026-11-25T00:00:00Z
    by_day = []
    for _ in range(3):
        lab.submit(100)
        sent = []
        while found := lab.round():
            sent.append(found)
            lab.answer()
        by_day.append({ip: sum(each.get(ip, 0) for each in sent) for ip in (WARM, OLD)})
        lab.clock.set(begin_of(day_of(lab.clock.now()) + 1))
    assert by_day == [{WARM: 15, OLD: 85}, {WARM: 30, OLD: 70}, {WARM: 50, OLD: 50}]
    assert lab.statuses() == ["finished"] * 3


def test_a_wave_is_handed_out_when_it_is_due(scene):
    lab = scene()
    lab.submit(20, plan=[Wave(0.0, 10), Wave(3600.0, 10)])
    assert sum(lab.round().values()) == 10
    lab.answer()
    lab.clock.advance(3599.0)
    assert lab.round() == {}
    lab.clock.advance(1.0)
    assert sum(lab.round().values()) == 10


def test_a_lane_where_nearly_all_fails_is_shut_and_the_other_goes_on(scene):
    lab = scene("[breaker]\nenabled = true\nmessages = 20\nshut = '10m'\n")
    lab.submit(40, size=20)
    assert lab.round() == {WARM: 20, OLD: 20}
    lab.answer(REFUSED)
    lab.clock.advance(10.0)
    lab.submit(20)
    assert lab.round() == {}
    shut = lab.store.read_now(lanes.suspensions, lab.clock.now())
    assert {key: (each.errors, each.attempts) for key, each in shut.items()} == {
        f"{WARM}>a": (20, 20),
        f"{OLD}>a": (20, 20),
    }
    lab.store.write_now(lanes.resume, [f"{OLD}>a"], "ann", lab.clock.now())
    lab.clock.advance(10.0)
    assert lab.round() == {OLD: 20}
    lab.clock.advance(600.0)
    lab.answer(REFUSED)
    lab.submit(20)
    assert lab.round() == {WARM: 20}  # the other was bad again, and this one opened by itself


def test_the_breaker_is_off_unless_it_is_asked_for(scene):
    lab = scene()
    lab.submit(400, size=200)
    lab.round()
    lab.answer(REFUSED)
    lab.clock.advance(10.0)
    lab.round()
    assert lab.store.read_now(lanes.suspensions, lab.clock.now()) == {}
