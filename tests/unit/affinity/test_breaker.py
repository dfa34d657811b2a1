"""The breaker: nearly all of many attempts, within the hour, and none from before a reset."""

from hypothesis import given
from hypothesis import strategies as st

from affinity.breaker import Seen, Tally, Tripped, first_minute, tripped
from affinity.configuration import Breaker

RULE = Breaker()
NOW = 1_750_000_000.0
IP, OTHER = "127.0.1.1", "127.0.1.2"


def lane_of(source_ip, mx_group):
    return f"*>{mx_group}" if mx_group == "shared" else f"{source_ip}>{mx_group}"


def shut(*tallies, judged_since=None, suspended=(), rule=RULE):
    return tripped(Seen(tallies, judged_since or {}, frozenset(suspended)), lane_of, rule)


def tally(attempts, errors, source_ip=IP, mx_group="gmail", minute=int(NOW // 60)):
    return Tally(minute, source_ip, mx_group, attempts, errors)


def test_nine_tenths_of_three_hundred_and_not_less():
    assert shut(tally(300, 270)) == [Tripped(f"{IP}>gmail", 270, 300)]
    assert shut(tally(300, 269)) == []
    assert shut(tally(299, 299)) == []
    assert shut(tally(10, 9), rule=Breaker(messages=10)) == [Tripped(f"{IP}>gmail", 9, 10)]


def test_minutes_and_the_ips_of_a_shared_lane_are_added_up_and_others_are_not():
    assert shut(tally(200, 200), tally(100, 100, minute=7)) == [Tripped(f"{IP}>gmail", 300, 300)]
    assert shut(tally(200, 200), tally(200, 200, OTHER)) == []
    both = (tally(200, 200, IP, "shared"), tally(200, 200, OTHER, "shared"))
    assert shut(*both) == [Tripped("*>shared", 400, 400)]


def test_what_was_tried_before_a_reset_does_not_count():
    minute = int(NOW // 60)
    old, new = tally(300, 300, minute=minute), tally(300, 300, minute=minute + 1)
    since = {f"{IP}>gmail": minute * 60 + 5.0}
    assert shut(old, judged_since=since) == []
    assert shut(old, new, judged_since=since) == [Tripped(f"{IP}>gmail", 300, 300)]


def test_a_lane_that_is_suspended_already_is_left():
    assert shut(tally(300, 300), suspended=[f"{IP}>gmail"]) == []


@given(st.floats(1e9, 4e9))
def test_only_whole_minutes_within_the_hour_count(now):
    first = first_minute(now)
    assert first * 60 > now - 3600.0
    assert (first - 1) * 60 <= now - 3600.0


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.sampled_from([IP, OTHER]))),
    st.floats(0.01, 1.0),
    st.integers(1, 500),
)
def test_a_lane_is_shut_exactly_when_it_is_as_bad_as_the_rule_says(rows, errors, messages):
    rule = Breaker(errors=errors, messages=messages)
    tallies = [tally(sent + bad, bad, ip) for sent, bad, ip in rows]
    found = {each.lane: each for each in shut(*tallies, rule=rule)}
    for ip in (IP, OTHER):
        bad = sum(row[1] for row in rows if row[2] == ip)
        tried = bad + sum(row[0] for row in rows if row[2] == ip)
        each = found.get(f"{ip}>gmail")
        if each is not None:
            assert (each.errors, each.attempts) == (bad, tried)
            assert tried >= messages
            assert bad / tried >= errors - 1e-9
        elif tried >= messages:
            assert bad / tried < errors
