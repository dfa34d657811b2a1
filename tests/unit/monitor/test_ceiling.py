"""What a lane can let through, and which setting says so."""

from affinity.lane import limits_of_group
from affinity.route import Routes
from monitor.why.ceiling import ceiling, ceilings
from tests.fakes.pending_scene import CONFIGURATION, LANE, ruled


def top(configuration):
    return ceiling(limits_of_group(configuration, Routes(configuration.route), "a"))


def test_nothing_limits_it():
    assert top(CONFIGURATION).messages_per_hour is None
    assert top(CONFIGURATION).setting == "no MX rule limits it"


def test_what_a_burst_takes_off_the_steady_rate_is_told():
    found = top(ruled(messages_per_hour=1000, burst=101))
    assert found.messages_per_hour == 900
    assert found.setting == "messages_per_hour = 1000 of MX rule mx.a.test"


def test_slots_have_a_thirteenth_each():
    assert top(ruled(messages_per_hour=1300, pacing="slots")).messages_per_hour == 1200


def test_connections_are_a_ceiling_for_a_receiver_of_known_speed_alone():
    found = top(ruled(max_connections=4))
    assert (found.messages_per_hour, found.per_second_of_answer) == (None, 14_400)
    assert found.setting == "max_connections = 4 of MX rule mx.a.test"


def test_lanes_are_asked_for_by_name():
    assert ceilings(ruled(max_connections=4), [LANE]) == {LANE: top(ruled(max_connections=4))}
