"""The weighted choice of a source IP is exactly proportional."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from affinity.choice import ChoiceState, choose

weights_of = st.dictionaries(
    st.sampled_from([f"127.0.1.{number}" for number in range(1, 9)]),
    st.integers(1, 100),
    min_size=1,
    max_size=8,
)


def run(weights, sizes, state=None):
    """The IPs chosen one after the other."""
    state = state or ChoiceState()
    chosen = []
    for size in sizes:
        ip, state = choose(state, weights, size)
        chosen.append(ip)
    return chosen, state


@given(weights_of, st.integers(1, 300))
def test_after_any_number_of_parts_no_share_is_off_by_a_whole_part(weights, parts):
    total = sum(weights.values())
    counts = Counter()
    bound = 1 - 1 / (2 * len(weights) - 2) if len(weights) > 1 else 0
    for number, ip in enumerate(run(weights, [1] * parts)[0], 1):
        counts[ip] += 1
        for each, weight in weights.items():
            assert abs(counts[each] - number * weight / total) <= bound + 1e-6


@given(weights_of, st.integers(0, 100), st.integers(1, 150))
def test_in_any_window_no_share_is_off_by_two_parts_and_of_two_ips_by_one(weights, start, length):
    total = sum(weights.values())
    window = Counter(run(weights, [1] * (start + length))[0][start:])
    bound = 2 - 1 / (len(weights) - 1) if len(weights) > 1 else 0
    for ip, weight in weights.items():
        assert abs(window[ip] - length * weight / total) <= bound + 1e-6


@given(weights_of, st.lists(st.integers(1, 256), min_size=1, max_size=200))
def test_with_parts_of_mixed_sizes_shares_count_messages(weights, sizes):
    """No bound is proven for mixed sizes; none further off than two of the largest was found."""
    total = sum(weights.values())
    sent, all_sent = Counter(), 0
    for ip, size in zip(run(weights, sizes)[0], sizes, strict=True):
        sent[ip] += size
        all_sent += size
        for each, weight in weights.items():
            assert abs(sent[each] - all_sent * weight / total) <= 2 * max(sizes) + 1e-6


def test_five_five_one_is_45_45_and_10_percent():
    counts = Counter(run({"a": 5, "b": 5, "c": 1}, [1] * 1100)[0])
    assert counts == {"a": 500, "b": 500, "c": 100}


def test_without_the_first_the_rest_is_83_and_17_percent():
    counts = Counter(run({"b": 5, "c": 1}, [1] * 600)[0])
    assert counts == {"b": 500, "c": 100}


def test_an_ip_that_was_out_does_not_catch_up():
    everyone = {"a": 1, "b": 1}
    _, state = run(everyone, [1] * 10)
    _, state = run({"b": 1}, [1] * 50, state)
    chosen, _ = run(everyone, [1] * 10, state)
    assert Counter(chosen) == {"a": 5, "b": 5}


@given(st.dictionaries(st.sampled_from("abc"), st.just(0), max_size=3))
def test_without_weight_nothing_is_chosen(weights):
    assert choose(ChoiceState(), weights, 1) is None
