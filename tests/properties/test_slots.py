"""The limiter in slots: exact in every hour, quick within a slot, whoever owns the lane."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.gcra import Gcra
from affinity.rate import rate_of
from affinity.slots import SLOT_S, Slots

HOUR = 3600
starts = st.floats(1.7e9, 2.0e9)
small = st.integers(13, 80)
limits = small | st.integers(13, 5_000_000)
pauses = st.lists(st.tuples(st.floats(0, 4000) | st.just(0.0), st.integers(1, 60)), max_size=25)


def sent_greedily(slots, tat, now, until, most=10_000):
    """Times of the messages of one who sends as early as he may, and his last state."""
    times = []
    while len(times) < most and (at := max(now, slots.earliest(tat))) <= until:
        tat, now = slots.spend(tat, at), at
        times.append(at)
    return times, tat


def busiest_hour(times):
    """The most messages in any half-open hour; reckoned without rounding."""
    exact = [Fraction(each) for each in times]
    most, first = 0, 0
    for last, end in enumerate(exact):
        while end - exact[first] >= HOUR:
            first += 1
        most = max(most, last - first + 1)
    return most


@given(small, starts, pauses)
def test_no_hour_holds_more_than_the_limit(per_hour, now, waits):
    slots, tat, times = Slots(per_hour), None, []
    for wait, messages in waits:
        now += wait
        for _ in range(messages):
            now = max(now, slots.earliest(tat))
            tat = slots.spend(tat, now)
            times.append(now)
    assert busiest_hour(times) <= per_hour


@given(small, starts, st.data())
def test_late_in_one_slot_and_early_in_another_is_within_the_limit_too(per_hour, start, data):
    """What breaks twelve slots of a twelfth: the end of the first, eleven whole, and the next."""
    slots = Slots(per_hour)
    late = math.floor(start / SLOT_S) * SLOT_S + SLOT_S - data.draw(st.floats(0.001, 250))
    times, _ = sent_greedily(slots, None, late, late + 2 * HOUR)
    assert busiest_hour(times) <= per_hour


@given(limits, st.integers(0, 10_000_000))
def test_any_thirteen_slots_have_the_limit_between_them_and_each_its_share(per_hour, slot):
    slots = Slots(per_hour)
    at = float(slot * SLOT_S)
    assert slots.room(None, at, 13 * SLOT_S - 0.001) == per_hour
    assert per_hour // 13 <= slots.room(None, at, SLOT_S - 0.001) <= -(-per_hour // 13)


@given(small, starts)
def test_a_slot_s_messages_go_at_once_and_the_next_at_the_next_slot(per_hour, start):
    slots = Slots(per_hour)
    times, _ = sent_greedily(slots, None, start, start + HOUR)
    here = math.floor(start / SLOT_S)
    assert set(times) == {start, *(float((here + n) * SLOT_S) for n in range(1, 13))}
    per_slot = Counter(math.floor(each / SLOT_S) for each in times)
    assert all(per_hour // 13 <= each <= -(-per_hour // 13) for each in per_slot.values())


@given(limits, starts, st.floats(0, 900), st.integers(0, 300))
def test_room_is_exactly_what_can_be_sent_until_the_horizon(per_hour, now, horizon_s, used):
    slots = Slots(per_hour)
    tat = slots.after(None, now, used)
    times, _ = sent_greedily(slots, tat, now, now + horizon_s, most=2000)
    assert len(times) == min(slots.room(tat, now, horizon_s), 2000)
    assert slots.room(tat, now, -1.0) == 0


@given(limits, starts, st.integers(0, 300))
def test_after_is_what_a_greedy_sender_reaches(per_hour, now, messages):
    slots = Slots(per_hour)
    _, tat = sent_greedily(slots, None, now, math.inf, most=messages)
    assert slots.after(None, now, messages) == tat


@given(small, st.data(), starts, st.lists(st.floats(0.5, 900), min_size=1, max_size=8))
def test_owners_that_hand_over_their_state_or_crash_keep_the_limit_together(
    per_hour, data, now, leases
):
    slots = Slots(per_hour)
    tat, times = None, []
    for lease_s in leases:
        lease_end = now + lease_s
        sent, state = sent_greedily(slots, tat, now, data.draw(st.floats(now, lease_end)))
        times += sent
        worst = slots.worst_case(lease_end)
        assert not sent or state <= worst
        tat = worst if data.draw(st.booleans()) else state
        now = lease_end
    assert busiest_hour(times) <= per_hour


@given(limits, starts)
def test_the_worst_case_is_reached_and_not_exceeded(per_hour, lease_end):
    slots = Slots(per_hour)
    left = slots.room(None, lease_end, 0.0)
    assert slots.after(None, lease_end, left) == slots.worst_case(lease_end)


@given(limits, starts, st.floats(0, 10_000))
def test_a_lane_that_rested_for_a_slot_is_as_good_as_fresh(per_hour, now, rest_s):
    slots = Slots(per_hour)
    later = slots.spend(None, now) + SLOT_S + rest_s
    tat = slots.spend(None, now)
    assert slots.spend(tat, later) == slots.spend(None, later) == slots.spend(-math.inf, later)


@given(limits, starts, st.floats(0, 7200))
def test_a_larger_state_allows_less(per_hour, tat, more):
    """Stores keep the larger of two; one of another limiter may lie between two places."""
    slots = Slots(per_hour)
    assert slots.earliest(tat) <= slots.earliest(tat + more)
    assert slots.room(tat, tat, 600) >= slots.room(tat + more, tat, 600)


@given(st.integers(1, 5_000_000))
def test_a_limit_too_small_for_slots_goes_evenly(per_hour):
    kind = Slots if per_hour >= 13 else Gcra
    assert type(rate_of(per_hour, "slots")) is kind
    assert rate_of(per_hour, "even") == Gcra.per_hour(per_hour)


def test_ten_thousand_an_hour_are_769_or_770_in_five_minutes():
    slots = Slots(10_000)
    assert {slots.room(None, float(n * SLOT_S), 299.9) for n in range(13)} == {769, 770}
    assert slots.per_visit(None, 10.0) == 769
    assert slots.per_visit(slots.worst_case(10.0), 10.0) == 1


def test_a_message_before_its_time_is_our_own_mistake():
    slots = Slots(13)
    with pytest.raises(AssertionError, match="a message went before its time"):
        slots.spend(slots.spend(None, 1000.0), 1001.0)
    with pytest.raises(AssertionError, match="each slot has a message"):
        Slots(12)


def test_a_limit_beyond_what_can_be_told_apart_still_counts():
    slots = Slots(10**12)
    tat = slots.spend(None, 1.8e9)
    assert slots.spend(tat, 1.8e9) > tat
