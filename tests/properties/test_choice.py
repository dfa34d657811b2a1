"""The weighted choice of a source IP is exactly proportional, in every prefix and every window."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.choice import ChoiceState, choose

IPS = [f"127.0.1.{number}" for number in range(1, 9)]


def weights_of(low, high):
    weight = st.integers(1, 100) | st.sampled_from([0.1, 0.25, 1.5, 1e-3, 33.3])
    return st.dictionaries(st.sampled_from(IPS), weight, min_size=low, max_size=high)


def run(weights, sizes, state=None):
    """The IPs chosen one after the other, and the last state."""
    state = state or ChoiceState()
    chosen = []
    for size in sizes:
        ip, state = choose(state, weights, size)
        chosen.append(ip)
    return chosen, state


def deviations(weights, chosen, sizes):
    """Per IP: its messages above its share, before the first and after each part."""
    exact = {ip: Fraction(str(weight)) for ip, weight in weights.items()}
    total = sum(exact.values())
    found = {ip: [Fraction(0)] for ip in weights}
    for ip, size in zip(chosen, sizes, strict=True):
        for each, ahead in found.items():
            ahead.append(ahead[-1] + (size if each == ip else 0) - size * exact[each] / total)
    return found


def bound(weights):
    """Tijdeman's: the best for all weights, in parts."""
    return 1 - Fraction(1, 2 * len(weights) - 2) if len(weights) > 1 else 0


@given(weights_of(1, 8), st.integers(1, 200), st.integers(1, 300))
def test_after_any_number_of_parts_no_share_is_off_by_a_whole_part(weights, parts, size):
    sizes = [size] * parts
    for ahead in deviations(weights, run(weights, sizes)[0], sizes).values():
        assert max(map(abs, ahead)) <= bound(weights) * size


@given(weights_of(1, 8), st.integers(1, 200), st.integers(1, 300))
def test_in_any_window_no_share_is_off_by_two_parts(weights, parts, size):
    sizes = [size] * parts
    for ahead in deviations(weights, run(weights, sizes)[0], sizes).values():
        assert max(ahead) - min(ahead) <= 2 * bound(weights) * size


@given(weights_of(2, 2), st.integers(1, 300))
def test_of_two_ips_no_share_is_off_by_more_than_a_part_in_any_window(weights, parts):
    sizes = [1] * parts
    for ahead in deviations(weights, run(weights, sizes)[0], sizes).values():
        assert max(ahead) - min(ahead) <= 1


@given(weights_of(1, 8), st.lists(st.integers(64, 255), min_size=1, max_size=150))
def test_with_parts_of_about_one_size_no_share_is_off_by_the_largest(weights, sizes):
    for ahead in deviations(weights, run(weights, sizes)[0], sizes).values():
        assert max(map(abs, ahead)) <= bound(weights) * max(sizes)


@given(weights_of(1, 8), st.lists(st.integers(1, 256), min_size=1, max_size=150))
def test_with_parts_of_any_sizes_no_share_is_off_by_two_and_a_third_of_the_largest(weights, sizes):
    for ahead in deviations(weights, run(weights, sizes)[0], sizes).values():
        assert max(map(abs, ahead)) <= Fraction(7, 3) * bound(weights) * max(sizes)


@given(weights_of(2, 8), st.lists(st.sampled_from([8, 256]), max_size=60), st.integers(1, 100))
def test_small_parts_keep_their_shares_whatever_large_ones_went_before(weights, before, parts):
    _, state = run(weights, before)
    small = [8] * parts
    for ahead in deviations(weights, run(weights, small, state)[0], small).values():
        assert max(ahead) - min(ahead) <= 2 * bound(weights) * 8


@given(weights_of(1, 4), st.lists(st.integers(1, 256), max_size=40))
def test_the_same_parts_give_the_same_choice_and_no_state_is_changed(weights, sizes):
    states = [ChoiceState()]
    for size in sizes:
        states.append(choose(states[-1], weights, size)[1])
    backwards = dict(reversed(weights.items()))
    for before, after, size in zip(states, states[1:], sizes, strict=False):
        assert choose(before, backwards, size) == choose(before, weights, size)
        assert choose(before, weights, size)[1] == after


@given(weights_of(1, 4), st.integers(2, 9), st.lists(st.integers(1, 256), min_size=1, max_size=40))
def test_only_the_ratio_of_the_weights_counts(weights, factor, sizes):
    scaled = {ip: float(Fraction(str(weight)) * factor) for ip, weight in weights.items()}
    assert run(scaled, sizes) == run(weights, sizes)


def test_five_five_one_is_45_45_and_10_percent():
    assert Counter(run({"a": 5, "b": 5, "c": 1}, [8] * 11)[0]) == {"a": 5, "b": 5, "c": 1}
    assert Counter(run({"a": 5, "b": 5, "c": 1}, [8] * 1100)[0]) == {"a": 500, "b": 500, "c": 100}


def test_without_the_first_the_rest_is_83_and_17_percent():
    assert Counter(run({"b": 5, "c": 1}, [8] * 600)[0]) == {"b": 500, "c": 100}


def test_an_ip_that_was_out_does_not_catch_up():
    everyone = {"a": 1, "b": 1}
    before, state = run(everyone, [8] * 11)
    _, state = run({"b": 1}, [8] * 500, state)
    after, _ = run(everyone, [8] * 11, state)
    assert Counter(before + after) == {"a": 11, "b": 11}


def test_ips_that_come_and_go_leave_every_set_its_shares():
    """Each set of IPs has its own account, so that flickering favours nobody."""
    sets = [{"a": 5, "b": 5, "c": 1}, {"b": 5, "c": 1}, {"a": 5, "c": 1}]
    state, seen = ChoiceState(), [Counter(), Counter(), Counter()]
    for turn in range(3 * 66):
        ip, state = choose(state, sets[turn % 3], 8)
        seen[turn % 3][ip] += 1
    assert seen == [{"a": 30, "b": 30, "c": 6}, {"b": 55, "c": 11}, {"a": 55, "c": 11}]


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from([0, 0.0, -1]), max_size=3))
def test_without_weight_nothing_is_chosen(weights):
    assert choose(ChoiceState(), weights, 1) is None


@given(weights_of(1, 4), st.lists(st.integers(1, 256), min_size=1, max_size=40))
def test_an_ip_of_weight_zero_is_never_chosen_and_changes_nothing(weights, sizes):
    chosen, _ = run({**weights, "idle": 0}, sizes)
    assert chosen == run(weights, sizes)[0]
    assert "idle" not in chosen


@given(st.lists(st.integers(1, 200), min_size=80, max_size=120, unique=True))
def test_a_state_stays_small_however_many_sets_there_were(others):
    state = ChoiceState()
    for weight in others:
        _, state = choose(state, {"a": 1, "b": Fraction(weight, 201)}, 8)
    assert len(state.accounts) == 64


def test_a_part_has_messages():
    with pytest.raises(AssertionError):
        choose(ChoiceState(), {"a": 1}, 0)
