"""The rate limiter by hand: small numbers that can be followed."""

import math

import pytest

from affinity.gcra import Gcra


def test_sixty_an_hour_is_one_a_minute():
    gcra = Gcra.per_hour(60)
    assert gcra == Gcra(60.0, 0.0)
    tat = gcra.spend(None, 1000.0)
    assert tat == 1060.0
    assert gcra.earliest(tat) == 1060.0
    assert gcra.room(tat, 1000.0, 59.0) == 0
    assert gcra.room(tat, 1000.0, 60.0) == 1
    assert gcra.room(tat, 1000.0, 3600.0) == 60


def test_a_burst_is_taken_off_the_steady_rate():
    """Ten at once and fifty-one intervals of 3600/51 s after the first make sixty in the hour."""
    gcra = Gcra.per_hour(60, burst=10)
    assert gcra.interval_s == pytest.approx(3600 / 51, abs=1e-6)
    assert gcra.tolerance_s == 9 * gcra.interval_s
    assert gcra.room(None, 0.0, 0.0) == 10
    assert gcra.room(None, 0.0, 3599.9) == 60


def test_by_default_a_second_s_worth_may_go_at_once():
    assert Gcra.per_hour(90_000).room(None, 0.0, 0.0) == 25
    assert Gcra.per_hour(100).room(None, 0.0, 0.0) == 1


def test_a_limit_of_one_an_hour_is_one_an_hour():
    assert Gcra.per_hour(1) == Gcra(3600.0, 0.0)


def test_a_burst_beyond_the_limit_is_refused():
    with pytest.raises(ValueError, match="a burst of 11 is more than 10 an hour"):
        Gcra.per_hour(10, burst=11)


def test_a_fresh_lane_may_send_at_any_time():
    gcra = Gcra.per_hour(60)
    assert gcra.earliest(None) == -math.inf
    assert gcra.earliest(-math.inf) == -math.inf
    assert gcra.room(None, 0.3, 0.0) == 1
    assert gcra.room(None, 0.3, -1.0) == 0


def test_a_message_before_its_time_is_our_own_mistake():
    gcra = Gcra.per_hour(60)
    with pytest.raises(AssertionError, match="a message went before its time"):
        gcra.spend(gcra.spend(None, 1000.0), 1059.9)


def test_nothing_more_is_spent_by_no_messages():
    assert Gcra.per_hour(60).after(None, 1000.0, 0) is None
    assert Gcra.per_hour(60).after(77.0, 1000.0, 0) == 77.0


def test_after_a_crash_the_next_owner_waits_as_if_all_had_been_sent():
    gcra = Gcra.per_hour(60, burst=10)
    worst = gcra.worst_case(1015.0)
    assert gcra.earliest(worst) == 1015.0 + gcra.interval_s


@pytest.mark.parametrize(("interval", "tolerance"), [(0.0, 0.0), (-1.0, 0.0), (1.0, -1.0)])
def test_a_rate_that_is_none_cannot_be_made(interval, tolerance):
    with pytest.raises(AssertionError):
        Gcra(interval, tolerance)
