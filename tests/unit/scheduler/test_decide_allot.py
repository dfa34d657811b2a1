"""Allotments of messages to source IPs."""

from hypothesis import given
from hypothesis import strategies as st

from scheduler.decide.allot import Allotment, next_ip, used

IPS = ("a", "b", "c")


def send(state, weights, sizes):
    """The messages that each IP got when parts of these sizes went one after the other."""
    got = dict.fromkeys(weights, 0)
    for size in sizes:
        ip, state = next_ip(state, weights, max(sizes))
        got[ip] += size
        state = used(state, ip, size)
    return got, state


def test_without_any_weight_no_ip_is_named():
    assert next_ip(Allotment(), {}, 8) is None
    assert next_ip(Allotment(), {"a": 0.0}, 8) is None


def test_parts_of_one_size_follow_the_choice_one_by_one():
    got, state = send(Allotment(), {"a": 5, "b": 5, "c": 1}, [8] * 11)
    assert got == {"a": 40, "b": 40, "c": 8}
    assert set(state.left.values()) == {0}


def test_an_ip_that_is_gone_does_not_hold_what_is_left_of_its_allotment_against_the_others():
    ip, state = next_ip(Allotment(), {"a": 1.0}, 100)
    state = used(state, ip, 10)
    assert next_ip(state, {"b": 1.0}, 100)[0] == "b"
    assert next_ip(state, {"b": 1.0, "a": 1.0}, 100)[0] == "a"


@given(
    st.dictionaries(st.sampled_from(IPS), st.sampled_from([1.0, 2.0, 5.0]), min_size=1),
    st.lists(st.integers(1, 256), min_size=1, max_size=200),
)
def test_parts_of_any_sizes_keep_the_shares_to_within_two_of_the_largest(weights, sizes):
    got, _ = send(Allotment(), weights, sizes)
    for ip, weight in weights.items():
        share = sum(sizes) * weight / sum(weights.values())
        assert abs(got[ip] - share) <= 2 * max(sizes)


@given(st.integers(1, 256), st.integers(0, 255))
def test_what_was_sent_ahead_is_made_up_for_before_the_ip_is_used_again(size, more):
    state = used(Allotment(), "a", size + more)
    ip, state = next_ip(state, {"a": 1.0, "b": 1.0}, size)
    assert ip == "b"
    assert state.left["b"] > 0
