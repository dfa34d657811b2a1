from hypothesis import example, given
from hypothesis import strategies as st

from sinks.limits import (
    ConnectionCount,
    DeferralCount,
    Greylist,
    Memory,
    SlidingRate,
    network_of,
)
from sinks.lot import digest, lot

gaps = st.lists(st.integers(0, 30), max_size=120)


@given(gaps, st.integers(1, 6), st.integers(1, 60))
def test_the_rate_is_never_exceeded_in_any_window(gaps, messages, per):
    rate, now, admitted = SlidingRate(messages, per), 0, []
    for gap in gaps:
        now += gap
        if rate.admit("ip", now):
            admitted.append(now)
    for start in admitted:
        assert sum(start <= each < start + per for each in admitted) <= messages


@given(gaps, st.integers(1, 6), st.integers(1, 60))
def test_the_rate_refuses_only_what_would_exceed_it(gaps, messages, per):
    rate, now, admitted = SlidingRate(messages, per), 0, []
    for gap in gaps:
        now += gap
        in_window = sum(now - per < each <= now for each in admitted)
        assert rate.admit("ip", now) == (in_window < messages)
        if in_window < messages:
            admitted.append(now)


def test_each_ip_has_a_rate_of_its_own():
    rate = SlidingRate(1, 60)
    assert rate.admit("127.0.0.1", 0)
    assert rate.admit("127.0.0.2", 0)
    assert not rate.admit("127.0.0.1", 1)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_no_more_connections_are_held_than_the_limit(opens, limit):
    count, held = ConnectionCount(limit), 0
    for is_open in opens:
        if is_open:
            assert count.open("ip") == (held < limit)
            held = min(limit, held + 1)
        elif held:
            count.close("ip")
            held -= 1


def test_a_triplet_waits_its_delay_and_then_stays_known():
    greylist = Greylist(300, 1000)
    assert not greylist.admit(1, 0)
    assert not greylist.admit(1, 299)
    assert greylist.admit(1, 300)
    assert greylist.admit(1, 1299)  # each touch keeps it known
    assert greylist.admit(1, 2298)
    assert not greylist.admit(1, 4000)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_a_triplet_is_admitted_exactly_when_it_has_waited(steps):
    greylist, now, first = Greylist(100, 10_000), 0, {}
    for triplet, gap in steps:
        now += gap
        first.setdefault(triplet, now)
        assert greylist.admit(triplet, now) == (now - first[triplet] >= 100)


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 4))
def test_each_pair_is_deferred_exactly_so_often(pairs, times):
    count = DeferralCount(1000)
    deferred = dict.fromkeys(range(4), 0)
    for n, pair in enumerate(pairs):
        is_due = deferred[pair] < times
        assert count.defer(pair, times, n) == is_due
        deferred[pair] += is_due


def test_memory_forgets_the_untouched_and_keeps_the_touched():
    memory = Memory(10)
    memory.keep(1, 1.0, 0)
    memory.keep(2, 2.0, 5)
    memory.keep(1, 1.0, 9)
    assert memory.recall(2, 15) is None
    assert memory.recall(1, 15) == 1.0
    assert len(memory) == 1


def test_peers_count_by_network_when_asked():
    assert network_of("127.0.1.7", 24, 64) == network_of("127.0.1.9", 24, 64)
    assert network_of("127.0.1.7", 32, 128) != network_of("127.0.1.9", 32, 128)
    assert network_of("fe80::1%eth0", 24, 64) == "fe80::/64"


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_lot_is_the_same_each_time_and_in_range(seed, parts):
    drawn = lot(seed, *parts)
    assert 0 <= drawn < 1
    assert drawn == lot(seed, *parts)


def test_lots_are_spread_evenly():
    share = sum(lot("0", "user", f"u{n}@example.test") < 0.25 for n in range(20_000)) / 20_000
    assert abs(share - 0.25) < 0.02


def test_a_digest_is_the_same_in_every_process():
    assert digest("a", "b") == 18429100309458631331


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=120), st.integers(1, 60))
@example([(0, 6)] * 6 + [(0, 1), (1, 6)], 60)
def test_a_rate_that_is_changed_there_and_back_forgets_nothing(steps, per):
    rate, now, admitted = SlidingRate(6, per), 0, []
    for gap, messages in steps:
        now += gap
        rate.change(messages, per)
        in_window = sum(now - per < each <= now for each in admitted)
        assert rate.admit("ip", now) == (in_window < messages)
        if in_window < messages:
            admitted.append(now)


def test_what_a_shorter_patience_passes_over_is_there_for_the_longer():
    memory = Memory(1000)
    memory.keep(1, 5.0, 0)
    memory.change(10)
    assert memory.recall(1, 50) is None
    memory.change(1000)
    assert memory.recall(1, 60) == 5.0
    assert memory.recall(1, 1000) is None
