"""The picture of the pipeline loses nothing: what enters a column leaves it, or ends in a stop."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.cause import Cause, Progress
from monitor.flow.build import MOST, flow_of
from monitor.flow.facts import DeliveryFact, Facts, InstanceFact, LaneFact
from monitor.flow.graph import COLUMNS, State
from monitor.why.finding import Finding
from store.queues import InHand, Traffic
from store.ways_of_deliveries import WayOfDelivery

IPS = [f"127.0.1.{number}" for number in range(1, 13)]
GROUPS = [f"group{number}" for number in range(12)]
MTAS = [f"m{number}" for number in range(11)]
ips, groups, mtas = st.sampled_from(IPS), st.sampled_from(GROUPS), st.sampled_from(MTAS)
numbers, amounts = st.integers(1, 14), st.integers(0, 1000)


def finding(delivery, cause, messages, *, blocked, words):
    is_cause = isinstance(cause, Cause)
    return Finding(
        cause if is_cause else None,
        None if is_cause else cause,
        messages, delivery, "g", "queued", None, None, words, {}, "", None, None,
        blocked and is_cause,
    )  # fmt: skip


findings = st.builds(
    finding,
    numbers,
    st.sampled_from([*Cause, Progress.READY]),
    st.integers(1, 1000),
    blocked=st.booleans(),
    words=st.sampled_from(["one thing", "another"]),
)
traffic = st.builds(Traffic, mtas, st.just(1), ips, groups, amounts, amounts, amounts, amounts)
ways = st.builds(WayOfDelivery, numbers, ips, groups, st.integers(1, 1000))


@st.composite
def held(draw):
    ip, group = draw(ips), draw(groups)
    lane = f"{draw(st.sampled_from([ip, '*']))}>{group}"
    return InHand(draw(numbers), lane, ip, draw(st.integers(1, 4)), 1, draw(st.integers(1, 500)))


@st.composite
def facts(draw):
    lanes = draw(st.lists(st.tuples(ips, groups), unique=True, max_size=14))
    return Facts(
        1000.0,
        60.0,
        tuple(DeliveryFact(n, f"d{n}", "promo", "started", 0) for n in draw(st.sets(numbers))),
        tuple(LaneFact(f"{ip}>{group}", ip, group, ("promo",)) for ip, group in lanes),
        tuple(InstanceFact(name, "running", 2, ("promo",)) for name in draw(st.sets(mtas))),
        dict.fromkeys(GROUPS, "sink inbox"),
        tuple(draw(st.lists(findings, max_size=20))),
        tuple(draw(st.lists(held(), max_size=12))),
        {1: "m1", 2: "m2"},
        tuple(draw(st.lists(traffic, max_size=12))),
        tuple(draw(st.lists(ways, max_size=12))),
    )


def through(flow, end):
    """Rates and messages by node, of the edges that have it at this end."""
    found = defaultdict(Counter)
    for edge in flow.edges:
        found[getattr(edge, end)] += Counter(rate=edge.rate, messages=edge.messages)
    return found


@given(facts())
def test_what_comes_in_goes_out_or_stands_at_a_stop(given_facts):
    flow = flow_of(given_facts)
    coming, going = through(flow, "target"), through(flow, "source")
    for node in flow.nodes:
        if node.column != "delivery":
            assert coming[node.key]["rate"] == pytest.approx(node.rate)
            assert coming[node.key]["messages"] == node.messages
        if node.column != "destination" and ":stop:" not in node.key:
            assert going[node.key]["rate"] == pytest.approx(node.rate)
            assert going[node.key]["messages"] == node.messages


@given(facts())
def test_all_that_is_pending_and_all_that_was_tried_is_in_each_column(given_facts):
    flow = flow_of(given_facts)
    stood = sum(each.messages for each in given_facts.findings)
    in_hand = sum(each.messages for each in given_facts.in_hand)
    tried = sum(each.sent + each.deferred + each.failed for each in given_facts.traffic)
    for column in COLUMNS:
        nodes = flow.of(column)
        assert sum(each.rate for each in nodes) * 60.0 == pytest.approx(tried)
        pending = in_hand + (stood if column in {"delivery", "lane"} else 0)
        assert sum(each.messages for each in nodes) == pending


@given(facts())
def test_it_stays_small_and_every_end_of_an_edge_is_there(given_facts):
    flow = flow_of(given_facts)
    keys = [each.key for each in flow.nodes]
    assert len(keys) == len(set(keys))
    for column in COLUMNS:
        assert len(flow.of(column)) <= MOST
    assert {end for each in flow.edges for end in (each.source, each.target)} <= set(keys)
    members = [(each.column, name) for each in flow.nodes for name in each.members]
    assert len(members) == len(set(members))


@given(facts())
def test_a_stop_that_only_a_change_ends_is_shown_as_such(given_facts):
    flow = flow_of(given_facts)
    blocked = {str(each.code) for each in given_facts.findings if each.blocked}
    blocked &= set(map(str, Cause))
    for node in flow.nodes:
        if node.cause is not None:
            assert (node.state is State.BLOCKED) == (node.cause in blocked)


def test_neither_many_that_are_stuck_hide_the_one_that_sends_nor_the_other_way_round():
    stuck = [finding(n, Cause.AFFINITY_NOT_CONFIGURED, 20, blocked=True, words="x")
             for n in range(2, 30)]  # fmt: skip
    busy = [Traffic("m1", 1, "127.0.1.1", "g", 900, 0, 0, 0)]
    given_facts = Facts(
        1000.0, 60.0, tuple(DeliveryFact(n, f"d{n}", "promo", "s", 0) for n in range(1, 30)),
        (), (), {}, tuple(stuck), (), {}, tuple(busy), (WayOfDelivery(1, "127.0.1.1", "g", 900),),
    )  # fmt: skip
    found = flow_of(given_facts).of("delivery")
    states = {each.label: each.state for each in found}
    assert states["d1"] is State.FLOWING
    assert list(states.values()).count(State.BLOCKED) == MOST - 1


def test_the_reason_of_the_most_messages_is_told_and_how_many_others_there_are():
    reasons = [
        finding(1, Cause.RETRY_LATER, n, blocked=False, words=f"reason {n}") for n in (3, 9, 5)
    ]
    given_facts = Facts(1000.0, 60.0, (), (), (), {}, tuple(reasons), (), {}, (), ())
    (stop,) = [each for each in flow_of(given_facts).nodes if each.cause]
    assert stop.detail == "reason 9; and 2 more"
