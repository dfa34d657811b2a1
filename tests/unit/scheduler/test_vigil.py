"""Whoever did not listen may not call a worker silent."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from scheduler.decide.vigil import Vigil


def test_silence_counts_from_the_last_heartbeat_while_somebody_listens():
    vigil = Vigil(gap_s=5)
    for now in range(100, 111):
        vigil.watch(now)
    assert not vigil.is_silent(101, 10)
    assert vigil.is_silent(100, 10)


def test_after_a_gap_everybody_has_a_whole_lease_to_be_heard():
    vigil = Vigil(gap_s=5)
    vigil.watch(100)
    vigil.watch(3700)  # the laptop slept
    assert not vigil.is_silent(100, 10)
    for now in (3703, 3706, 3709):
        vigil.watch(now)
        assert not vigil.is_silent(100, 10)
    vigil.watch(3710)
    assert vigil.is_silent(100, 10)


def test_who_never_watched_calls_nobody_silent():
    assert not Vigil(gap_s=5).is_silent(0, 1)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1e6), st.floats(0.1, 100))
def test_a_silent_worker_missed_a_lease_that_was_watched_without_a_gap(moments, heard, lease):
    vigil = Vigil(gap_s=lease / 2)
    moments = sorted(moments)
    for now in moments:
        since = vigil.watch(now)
    if vigil.is_silent(heard, lease):
        assert heard + lease <= now
        watched = [each for each in moments if since <= each <= now]
        assert now - since >= lease
        assert all(b - a <= lease / 2 for a, b in itertools.pairwise(watched))
