"""The rate limiter is exact to the message, in every hour and whoever owns the lane."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import MxRule
from affinity.gcra import Gcra

HOUR = 3600
starts = st.floats(1.7e9, 2.0e9)
pauses = st.lists(st.tuples(st.floats(0, 4000) | st.just(0.0), st.integers(1, 40)), max_size=25)


@st.composite
def limiters(draw):
    per_hour = draw(st.integers(1, 60) | st.integers(1, 5_000_000))
    burst = draw(st.none() | st.integers(1, per_hour) | st.just(per_hour))
    return per_hour, Gcra.per_hour(per_hour, burst)


def sent_greedily(gcra, tat, now, until, most=10_000):
    """Times of the messages of one who sends as early as he may, and his last TAT."""
    times = []
    while len(times) < most and (at := max(now, gcra.earliest(tat))) <= until:
        tat, now = gcra.spend(tat, at), at
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


@given(st.integers(1, 60), st.data(), starts, pauses)
def test_no_hour_holds_more_than_the_limit(per_hour, data, now, waits):
    burst = data.draw(st.none() | st.integers(1, per_hour))
    gcra = Gcra.per_hour(per_hour, burst)
    tat, times = None, []
    for wait, messages in waits:
        now += wait
        for _ in range(messages):
            now = max(now, gcra.earliest(tat))
            tat = gcra.spend(tat, now)
            times.append(now)
    assert busiest_hour(times) <= per_hour


@given(limiters())
def test_one_message_more_than_the_limit_is_never_due_within_the_hour(limiter):
    """For any limit, in whole ticks: the message after the limit's last comes an hour later."""
    per_hour, gcra = limiter
    burst = round(gcra.tolerance_s / gcra.interval_s) + 1
    assert Fraction(gcra.tolerance_s) == (burst - 1) * Fraction(gcra.interval_s)
    assert (per_hour - burst + 1) * Fraction(gcra.interval_s) >= HOUR


@given(limiters(), starts)
def test_a_busy_lane_never_drifts_by_rounding(limiter, start):
    """A TAT is reckoned exactly: a thousand messages later it is a thousand intervals later."""
    _, gcra = limiter
    tat = gcra.spend(None, start)
    times, last = sent_greedily(gcra, tat, start, math.inf, most=1000)
    assert Fraction(last) - Fraction(tat) == len(times) * Fraction(gcra.interval_s)


@given(limiters(), starts)
def test_a_burst_goes_at_once_and_the_next_message_an_interval_later(limiter, start):
    _, gcra = limiter
    burst = round(gcra.tolerance_s / gcra.interval_s) + 1
    whole = float(math.floor(start))
    times, _ = sent_greedily(gcra, None, whole, math.inf, most=min(burst, 2000) + 1)
    assert set(times[: min(burst, 2000)]) == {whole}
    if burst <= 2000:
        assert times[burst] == whole + gcra.interval_s


@given(st.integers(1, 400), st.data(), starts)
def test_the_limit_can_be_used_up(per_hour, data, start):
    burst = data.draw(st.integers(1, per_hour))
    gcra = Gcra.per_hour(per_hour, burst)
    times, _ = sent_greedily(gcra, None, math.floor(start), math.floor(start) + 3600.01)
    assert len(times) >= per_hour


@given(limiters(), starts, st.floats(0, 60), st.integers(0, 300))
def test_room_is_exactly_what_can_be_sent_until_the_horizon(limiter, now, horizon_s, used):
    _, gcra = limiter
    tat = gcra.after(None, now, used)
    room = gcra.room(tat, now, horizon_s)
    times, _ = sent_greedily(gcra, tat, now, now + horizon_s, most=3000)
    assert len(times) == min(room, 3000)


@given(limiters(), starts, st.integers(0, 300))
def test_after_is_what_a_greedy_sender_reaches(limiter, now, messages):
    _, gcra = limiter
    _, tat = sent_greedily(gcra, None, now, math.inf, most=messages)
    assert gcra.after(None, now, messages) == tat


@given(st.integers(1, 60), st.data(), starts, st.lists(st.floats(0.5, 900), min_size=1, max_size=8))
def test_owners_that_hand_over_their_state_or_crash_keep_the_limit_together(
    per_hour, data, now, leases
):
    """A crashed owner's state is lost; the next one assumes that its whole grant was used."""
    gcra = Gcra.per_hour(per_hour, data.draw(st.none() | st.integers(1, per_hour)))
    tat, times = None, []
    for lease_s in leases:
        lease_end = now + lease_s
        sent, state = sent_greedily(gcra, tat, now, data.draw(st.floats(now, lease_end)))
        times += sent
        worst = gcra.worst_case(lease_end)
        assert state is None or state <= worst
        tat = worst if data.draw(st.booleans()) else state
        now = lease_end
    assert busiest_hour(times) <= per_hour


@given(limiters(), starts)
def test_the_worst_case_is_reached_and_not_exceeded(limiter, lease_end):
    """By a sender that had a full bucket at the end of its lease."""
    _, gcra = limiter
    whole = float(math.floor(lease_end))
    tat = gcra.spend(whole + gcra.tolerance_s, whole)
    assert tat == gcra.worst_case(whole)


@given(limiters(), starts, st.floats(0, 10_000))
def test_a_lane_that_rested_is_as_good_as_fresh(limiter, now, rest_s):
    _, gcra = limiter
    tat = gcra.spend(None, now)
    later = tat + rest_s
    assert gcra.spend(tat, later) == gcra.spend(None, later) == gcra.spend(-math.inf, later)


@given(st.integers(1, 5_000_000))
def test_a_rule_gives_its_limiter(per_hour):
    rule = MxRule(mask="*", messages_per_hour=per_hour)
    assert Gcra.of_rule(rule) == Gcra.per_hour(per_hour)
    assert Gcra.of_rule(MxRule(mask="*")) is None
