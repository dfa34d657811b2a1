"""Spread under warm-up quotas: none is exceeded, the other IPs take what is over."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import Affinity, Configuration, Pace, Route, SourceIp, Warmup
from affinity.route import Routes
from affinity.warmup import account_of, day_of
from scheduler.decide.snapshot import LiveWorker, QueuedPart, Rules, Snapshot
from scheduler.decide.spread import Memory, spread

WARM, OLD = "127.0.1.1", "127.0.1.2"
DAY = 1_796_083_200.0  # 2026-12-01T00:00:00Z
PACE = Pace(lane_window=1000)


def rules_for(plan, ips=(WARM, OLD)):
    configuration = Configuration(
        affinity={"red": Affinity(ip=tuple(SourceIp(address=ip) for ip in ips))},
        route={"g": Route(domains=("g.test",), host="127.0.0.1:1")},
        warmup=(Warmup(ip=WARM, plan=plan, begins=date(2026, 12, 1)),),
    )
    return Rules(configuration, Routes(configuration.route))


def a_round(rules, sizes, spent=0, now=DAY, memory=None, ips=(WARM, OLD)):
    parts = tuple(QueuedPart(n, 1, "red", "g", ips, size) for n, size in enumerate(sizes, 1))
    workers = tuple(LiveWorker(n, "m", frozenset({"red"})) for n in (1, 2))
    seen = Snapshot(now, parts, workers, spent={(WARM, "g"): spent})
    grants, memory = spread(seen, rules, PACE, memory or Memory())
    of = dict(enumerate(sizes, 1))
    given_ = [(each.source_ip, each.messages or of[each.part_id], each.part_id) for each in grants]
    return given_, memory


def by_ip(given_):
    found = Counter()
    for source_ip, messages, _ in given_:
        found[source_ip] += messages
    return found


def test_a_part_that_is_larger_than_the_quota_goes_in_portions():
    given_, _ = a_round(rules_for((50,), (WARM,)), [256], ips=(WARM,))
    assert given_ == [(WARM, 50, 1)]
    assert a_round(rules_for((50,), (WARM,)), [256], spent=50, ips=(WARM,))[0] == []
    assert a_round(rules_for((50,), (WARM,)), [256], spent=48, ips=(WARM,))[0] == [(WARM, 2, 1)]


def test_what_is_over_goes_by_the_other_ips():
    found = by_ip(a_round(rules_for((50,)), [10] * 40)[0])
    assert found == {WARM: 50, OLD: 350}


def test_before_the_plan_nothing_goes_and_after_it_all():
    rules = rules_for((50,))
    assert by_ip(a_round(rules, [10] * 20, now=DAY - 1)[0]) == {OLD: 200}
    assert by_ip(a_round(rules, [10] * 20, now=DAY + 86_400)[0]) == {WARM: 100, OLD: 100}


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=4).map(sorted),
    st.lists(st.integers(1, 256), min_size=1, max_size=30),
    st.lists(st.integers(0, 40_000), min_size=1, max_size=12),
)
def test_no_day_is_exceeded_and_nothing_waits_that_could_go(plan, sizes, pauses):
    """Round after round, each part's rest queued again; all that was granted is sent at once."""
    rules, now, memory = rules_for(tuple(plan)), DAY, Memory()
    queue, sent = list(sizes), Counter()
    for pause in pauses:
        day = day_of(now)
        given_, memory = a_round(rules, queue, sent[day], now, memory)
        for source_ip, messages, part_id in given_:
            queue[part_id - 1] -= messages
            sent[day] += messages if source_ip == WARM else 0
        quota = rules.quotas.of(WARM, "g", day)
        assert quota is None or sent[day] <= quota
        queue = [left for left in queue if left]
        # Two workers with empty windows on each lane: only portions are left over.
        assert len(queue) <= max(0, len(sizes) - len(given_)) + 1
        now += pause


def affinity_rules(per_day, *names):
    configuration = Configuration(
        affinity={
            name: Affinity(
                ip=tuple(SourceIp(address=ip) for ip in (WARM, OLD)), messages_per_day=per_day
            )
            for name in names
        },
        route={"g": Route(domains=("g.test",), host="127.0.0.1:1")},
    )
    return Rules(configuration, Routes(configuration.route))


@given(
    st.integers(1, 400),
    st.integers(0, 500),
    st.lists(st.tuples(st.sampled_from(["red", "blue"]), st.integers(1, 256)), max_size=20),
)
def test_the_quota_of_an_affinity_holds_over_its_ips_and_is_its_own(per_day, spent, queue):
    parts = tuple(
        QueuedPart(n, 1, affinity, "g", (WARM, OLD), size)
        for n, (affinity, size) in enumerate(queue, 1)
    )
    workers = tuple(LiveWorker(n, "m", frozenset({"red", "blue"})) for n in (1, 2))
    seen = Snapshot(DAY, parts, workers, spent={account_of("red"): spent})
    grants, _ = spread(seen, affinity_rules(per_day, "red", "blue"), PACE, Memory())
    given_ = Counter()
    for each in grants:
        part = parts[each.part_id - 1]
        given_[part.affinity] += each.messages or part.size
    room = {"red": max(0, per_day - spent), "blue": per_day}
    for affinity, size in room.items():
        waiting = sum(each.size for each in parts if each.affinity == affinity)
        assert given_[affinity] <= size
        if size and waiting:
            assert given_[affinity]
