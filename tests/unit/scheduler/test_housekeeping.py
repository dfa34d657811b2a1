"""Housekeeping: a changed configuration reaches all queued mail, whatever comes between."""

import asyncio

import pytest

from affinity.read_toml import read
from lab.configuration import LabConfiguration
from scheduler.housekeeping import Housekeeping
from scheduler.settings import settings_from
from store import deliveries, leases, modules, parts, replan, tables
from store.errors import StoreUnavailable
from store.schema import open_store
from tests.fakes.clock import FakeClock

TEXT = """
[lab]
name = "x"
[mta.m]
affinities = ["promo"]
[affinity.promo]
ip = [{ address = "127.0.1.1" }]
[route.old]
domains = ["a.test"]
sink = "s"
[sink.s]
listen = "127.0.0.1:2601"
"""
CHANGED = TEXT.replace("route.old", "route.new")


def settings(text):
    return settings_from(read(text, "x.toml", LabConfiguration))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store():
    found = open_store("sqlite://", inline=True)
    yield found
    found.close()


@pytest.fixture
def house(store, clock):
    async def bury(_worker, _worst, _rules):
        raise AssertionError("nobody is to be buried")

    return Housekeeping(store, clock, settings(TEXT), bury)


def begin(store, clock, group="old"):
    new = deliveries.NewDelivery("x", "promo", 0, 8, clock.now(), 0.0, 9e9, "m.eml", b"")
    delivery = store.write_now(deliveries.create, new)
    one = [parts.NewMessage("u@a.test", "a.test", "{}")]
    part = parts.NewPart(group, ("127.0.1.1",), one)
    store.write_now(parts.add, delivery, [part], clock.now())
    return delivery


def confirm(store, clock, delivery):
    store.write_now(deliveries.confirm, delivery, clock.now())


def group_of(store, delivery):
    (plan,) = store.read_now(replan.planned, delivery)
    return plan.mx_group


def test_a_delivery_that_is_confirmed_after_a_later_one_is_planned_anew_too(store, clock, house):
    slow, quick = begin(store, clock), begin(store, clock)
    confirm(store, clock, quick)
    asyncio.run(house.replan())
    house.reconfigure(settings(CHANGED))
    asyncio.run(house.replan())
    assert group_of(store, quick) == "new"
    confirm(store, clock, slow)
    asyncio.run(house.replan())
    assert group_of(store, slow) == "new"


def test_who_leads_again_looks_at_what_another_planned_meanwhile(store, clock, house):
    delivery = begin(store, clock)
    confirm(store, clock, delivery)
    asyncio.run(house.replan())
    other = [replan.Planned(delivery, "promo", "a.test", "gone", ("127.0.9.9",))]
    store.write_now(replan.replan, other, clock.now())
    asyncio.run(house.replan())
    assert group_of(store, delivery) == "gone", "its own plans it does not read again"
    process = modules.Process("h", 1, 1)
    store.write_now(modules.announce_module, modules.SCHEDULER, process, "", clock.now())
    house.lead(modules.Leader(process, clock.now()))
    asyncio.run(house.replan())
    assert group_of(store, delivery) == "old"


def test_parts_of_another_plan_are_brought_back(store, clock, house):
    delivery = begin(store, clock, group="gone")
    confirm(store, clock, delivery)
    right = {"mx_group": "old", "source_ips": "127.0.1.1"}
    store.write_now(lambda tx: tx.connection.execute(tables.delivery_domain.update().values(right)))
    assert asyncio.run(house.replan()) == 1
    asyncio.run(house.cut())
    (waiting,) = store.read_now(parts.queued, clock.now(), 9)
    assert waiting.mx_group == "old"


def test_a_change_that_could_not_be_written_is_written_later(store, clock, house, monkeypatch):
    delivery = begin(store, clock)
    confirm(store, clock, delivery)
    asyncio.run(house.replan())
    house.reconfigure(settings(CHANGED))

    async def away(*_):
        raise StoreUnavailable("locked", remedy="wait")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", away)
        with pytest.raises(StoreUnavailable):
            asyncio.run(house.replan())
    asyncio.run(house.replan())
    assert group_of(store, delivery) == "new"


def test_a_domain_without_a_route_is_held_and_goes_when_it_has_one(store, clock, house):
    house.reconfigure(settings(TEXT.replace('["a.test"]', '["b.test"]')))
    delivery = begin(store, clock)
    confirm(store, clock, delivery)
    asyncio.run(house.replan())
    asyncio.run(house.cut())
    assert store.read_now(parts.queued, clock.now(), 9) == []
    house.reconfigure(settings(TEXT))
    asyncio.run(house.replan())
    asyncio.run(house.cut())
    (waiting,) = store.read_now(parts.queued, clock.now(), 9)
    assert (waiting.mx_group, waiting.source_ips) == ("old", ("127.0.1.1",))
    assert store.read_now(leases.leases) == []


def test_an_abandoned_submission_is_taken_back_in_time(store, clock, house):
    delivery = begin(store, clock)
    assert asyncio.run(house.discard_abandoned()) == 0
    clock.advance(601)
    assert asyncio.run(house.discard_abandoned()) == 1
    assert store.read_now(deliveries.get, delivery).status == "failed"
