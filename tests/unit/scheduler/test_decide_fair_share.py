"""Turns, in messages."""

from hypothesis import given
from hypothesis import strategies as st

from scheduler.decide.fair_share import Turn, Turns


def serve_next(turns, sizes, shares=None):
    shares = shares or dict.fromkeys(sizes, 1)
    who = min(sizes, key=lambda name: (turns.tag(name, sizes[name], shares[name]), name))
    turns.serve(who, sizes[who], shares[who])
    return who


def waiting(names, before=None):
    turns = Turns(before or Turn())
    for name in names:
        turns.come(name)
    return turns


def test_a_large_request_waits_for_as_many_messages_as_it_has():
    turns = waiting("ab")
    order = [serve_next(turns, {"a": 8, "b": 24}) for _ in range(8)]
    assert "".join(order) == "aaabaaab"


def test_a_newcomer_starts_at_the_clock_and_is_not_paid_for_the_past():
    turns = waiting("ab")
    for _ in range(100):
        serve_next(turns, {"a": 8, "b": 8})
    turns.come("c")
    order = [serve_next(turns, dict.fromkeys("abc", 8)) for _ in range(6)]
    assert sorted(order[:3]) == sorted(order[3:]) == ["a", "b", "c"]


def test_who_waited_keeps_its_place_over_rounds_and_who_left_does_not():
    turns = waiting("ab")
    turns.serve("a", 8)
    turns.leave("b")
    kept = turns.keep()
    assert kept == Turn(8.0, {"a": 8.0})
    again = waiting("ab", kept)
    assert again.tag("a", 8) == again.tag("b", 8) == 16.0


def test_coming_twice_changes_nothing():
    turns = waiting("a")
    turns.serve("a", 8)
    turns.come("a")
    assert turns.tag("a", 0) == 8.0


def test_a_double_share_gets_twice_as_much():
    turns = waiting("ab")
    order = [serve_next(turns, {"a": 8, "b": 8}, {"a": 1, "b": 2}) for _ in range(30)]
    assert order.count("b") == 20


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 256), min_size=2))
def test_who_waits_all_the_time_differs_by_at_most_one_request_of_each(sizes):
    turns = waiting(sizes)
    got = dict.fromkeys(sizes, 0)
    for _ in range(300):
        who = serve_next(turns, sizes)
        got[who] += sizes[who]
        for one in sizes:
            for other in sizes:
                assert got[one] - got[other] <= sizes[one] + sizes[other]
