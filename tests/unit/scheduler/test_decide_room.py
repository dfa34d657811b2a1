"""Room: lanes that a changed configuration cuts otherwise wait for what is still in hand."""

import pytest

from affinity.configuration import Configuration, Pace
from affinity.route import Routes
from scheduler.decide.room import Room
from scheduler.decide.snapshot import LiveWorker, Rules, Snapshot

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
