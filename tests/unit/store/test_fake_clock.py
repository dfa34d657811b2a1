"""The fake clock keeps the promises of the real one."""

import pytest

from tests.fakes.clock import FakeClock
from world.clock import Clock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["real", "fake"])
def test_a_clock_tells_epoch_seconds_and_never_runs_back(clock: Clock):
    assert clock.now() > 1_700_000_000.0
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_time_stands_still_until_it_is_advanced():
    clock = FakeClock(now=100.0, monotonic=5.0)
    assert (clock.now(), clock.now(), clock.monotonic()) == (100.0, 100.0, 5.0)
    assert clock.advance(2.5) == 102.5
    assert (clock.now(), clock.monotonic()) == (102.5, 7.5)


def test_a_step_of_the_wall_clock_leaves_durations_alone():
    clock = FakeClock(now=100.0, monotonic=5.0)
    clock.set(50.0)
    assert (clock.now(), clock.monotonic()) == (50.0, 5.0)


def test_time_does_not_go_back():
    with pytest.raises(AssertionError):
        FakeClock().advance(-1.0)
