"""The wait before the next attempt, for all policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import Retry
from affinity.retry import next_attempt

policies = st.builds(
    Retry,
    delays=st.lists(st.floats(0, 1e6), min_size=1, max_size=8).map(tuple),
    jitter=st.floats(0, 1),
)
attempts = st.integers(1, 30)
chances = st.floats(0, 1, exclude_max=True)
times = st.floats(0, 2e9)
FOREVER = 1e15


@given(policies, attempts, times, chances)
def test_the_wait_is_never_less_than_the_policy_says_nor_more_than_its_jitter(
    policy, made, now, chance
):
    at = next_attempt(policy, made, now, FOREVER, chance)
    delay = policy.delays[min(made, len(policy.delays)) - 1]
    assert now + delay <= at <= now + delay * (1 + policy.jitter)


@given(policies, attempts, times, times, chances)
def test_no_attempt_is_planned_at_or_after_the_end_of_the_validity(
    policy, made, now, expires_at, chance
):
    at = next_attempt(policy, made, now, expires_at, chance)
    unbounded = next_attempt(policy, made, now, FOREVER, chance)
    assert at == (unbounded if unbounded < expires_at else None)


@given(policies, attempts, times, times, chances, chances)
def test_later_deferrals_and_higher_dice_never_come_back_earlier(
    policy, made, one, other, low, high
):
    one, other = sorted((one, other))
    low, high = sorted((low, high))
    assert next_attempt(policy, made, one, FOREVER, low) <= next_attempt(
        policy, made, other, FOREVER, high
    )


@given(policies, chances)
def test_the_last_wait_repeats(policy, chance):
    last = next_attempt(policy, len(policy.delays), 0.0, FOREVER, chance)
    assert next_attempt(policy, len(policy.delays) + 5, 0.0, FOREVER, chance) == last


def test_a_growing_policy_backs_off_with_each_attempt():
    policy = Retry(delays=(60.0, 300.0, 3600.0), jitter=0)
    waits = [next_attempt(policy, made, 0.0, FOREVER, 0.5) for made in (1, 2, 3, 4)]
    assert waits == [60.0, 300.0, 3600.0, 3600.0]


def test_the_default_policy_tries_twice_in_the_first_hour_and_then_every_few_hours():
    """RFC 5321, 4.5.4.1."""
    waits = [next_attempt(Retry(), made, 0.0, FOREVER, 0.0) for made in range(1, 8)]
    assert sum(waits[:2]) < 3600 < sum(waits[:3])
    assert waits == sorted(waits)
    assert waits[-1] == 3 * 3600


def test_a_message_that_was_never_tried_has_no_retry():
    with pytest.raises(AssertionError, match="never tried"):
        next_attempt(Retry(), 0, 0.0, FOREVER, 0.0)
