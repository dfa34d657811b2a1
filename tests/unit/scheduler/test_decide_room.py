"""Room: lanes that a changed configuration cuts otherwise wait for what is still in hand."""

import pytest

from affinity.configuration import Configuration, Pace
from affinity.route import Routes
from affinity.slots import Slots
from scheduler.decide.room import Room
from scheduler.decide.snapshot import LaneView, LiveWorker, Rules, Snapshot

IP = "127.0.1.1"


def room(held, *, shared):
    configuration = Configuration.model_validate(
        {
            "affinity": {"promo": {"ip": [{"address": IP}, {"address": "127.0.1.2"}]}},
            "route": {"g": {"domains": ["a.test"], "host": "127.0.0.1:2601"}},
            "mx_rule": [{"mask": "a.test", "max_connections": 2, "shared": shared}],
        }
    )
    rules = Rules(configuration, Routes(configuration.route))
    worker = LiveWorker(1, "m", frozenset({"promo"}), in_hand=held)
    return Room(Snapshot(0.0, (), (worker,)), rules, Pace(), {})


@pytest.mark.parametrize(
    ("held", "shared", "is_free"),
    [
        ({}, True, True),
        ({}, False, True),
        ({"*>g": 3}, True, True),
        ({f"{IP}>g": 3}, False, True),
        ({"127.0.1.2>g": 3}, False, True),
        ({f"{IP}>g": 3}, True, False),  # the rule became shared
        ({"*>g": 3}, False, False),  # the rule ceased to be
        ({"*>other": 3}, False, True),
    ],
)
def test_a_lane_waits_for_those_that_it_overlaps(held, shared, is_free):
    found = room(held, shared=shared)
    lane = found.lane(IP, "g")
    assert found.is_available("promo", IP, lane) is is_free


def paced(now, tat, held=None):
    """130 an hour in slots: ten in each."""
    configuration = Configuration.model_validate(
        {
            "preset": "campaign",
            "affinity": {"promo": {"ip": [{"address": IP}]}},
            "route": {"g": {"domains": ["a.test"], "host": "127.0.0.1:2601"}},
            "mx_rule": [{"mask": "a.test", "messages_per_hour": 130}],
        }
    )
    rules = Rules(configuration, Routes(configuration.route))
    worker = LiveWorker(1, "m", frozenset({"promo"}), in_hand=held or {})
    view = LaneView(f"{IP}>g", None, tat)
    found = Room(Snapshot(now, (), (worker,), (view,)), rules, Pace(), {})
    return found, found.lane(IP, "g")


@pytest.mark.parametrize(
    ("now", "spent", "held", "is_free"),
    [
        (3000.0, 9, 0, True),
        (3000.0, 10, 0, False),
        (3298.0, 10, 0, False),
        (3299.5, 10, 0, True),  # the next slot begins within a second
        (3000.0, 4, 5, True),
        (3000.0, 4, 6, False),
    ],
)
def test_a_lane_in_slots_takes_what_its_slot_has_left(now, spent, held, is_free):
    tat = Slots(130).after(None, 3000.0, spent)
    found, lane = paced(now, tat, {f"{IP}>g": held})
    assert found.is_available("promo", IP, lane) is is_free


def test_a_part_counts_for_what_its_slot_lets_go():
    _, lane = paced(3000.0, Slots(130).after(None, 3000.0, 3))
    assert (lane.charge(256), lane.charge(5)) == (7, 5)
