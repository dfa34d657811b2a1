"""Quotas, reputation, limits; and that a change of personality forgets none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sinks.events import Action, Connected, Disconnected, EndOfData, MailFrom, RcptTo
from sinks.limits import DayCount
from sinks.personality import decide
from sinks.reputation import Reputations
from sinks.settings import ConnectionLimit, Personality
from sinks.standing import Reputation
from sinks.state import SinkState

IP = "127.0.0.1"
DAY = 86400
NOON = 20_000 * DAY + DAY / 2


def state_of(seed="0", **tables):
    return SinkState(Personality.model_validate(tables), mx="mx.test", seed=seed)


def become(state, **tables):
    state.become(Personality.model_validate(tables), "0")


def mail(state, *, wall=NOON, now=0, sender="a@lab.test", ip=IP):
    reply = decide(state, MailFrom(ip, sender), now, wall).reply
    return None if reply is None else reply.code


def rcpt(state, recipient, now=0, wall=NOON):
    reply = decide(state, RcptTo(IP, "a@lab.test", recipient), now, wall).reply
    return None if reply is None else reply.code


def test_a_quota_is_used_up_until_the_day_is_over():
    state = state_of(quota=[{"messages": 2}])
    assert [mail(state) for _ in range(3)] == [None, None, 452]
    assert mail(state, ip="127.0.0.2") is None
    assert mail(state, wall=NOON + DAY / 2 - 1) == 452
    assert mail(state, wall=NOON + DAY / 2) is None


def test_a_day_begins_when_the_quota_says():
    state = state_of(quota=[{"messages": 1, "resets": "15:30"}])
    assert mail(state, wall=NOON) is None
    assert mail(state, wall=NOON + 3.5 * 3600 - 1) == 452
    assert mail(state, wall=NOON + 3.5 * 3600) is None


def test_a_clock_set_back_gives_no_new_day():
    state = state_of(quota=[{"messages": 1}])
    assert mail(state, wall=NOON) is None
    assert mail(state, wall=NOON - 2 * DAY) == 452


def test_quotas_of_a_sender_of_a_mailbox_and_of_all_are_counted_apart():
    state = state_of(
        quota=[
            {"of": "sender", "messages": 2, "reply": "450 4.7.1 sender"},
            {"of": "recipient", "messages": 2, "reply": "450 4.2.1 {recipient}"},
            {"of": "all", "messages": 4, "reply": "421 4.7.0 all"},
        ]
    )
    assert [mail(state, sender="A@lab.test") for _ in range(3)] == [None, None, 450]
    assert [mail(state, sender="b@lab.test") for _ in range(3)] == [None, None, 450]
    assert mail(state, sender="c@lab.test") == 421  # what was over another quota is not counted
    assert [rcpt(state, "anna@x.test") for _ in range(3)] == [None, None, 450]
    assert rcpt(state, "bob@x.test") is None


def test_quotas_of_one_kind_are_refused():
    with pytest.raises(ValidationError, match="differ"):
        state_of(quota=[{"messages": 1}, {"messages": 2}])
    with pytest.raises(ValidationError, match="time of day"):
        state_of(quota=[{"messages": 1, "resets": "24:00"}])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2)), max_size=60))
def test_a_count_of_the_day_is_that_of_the_latest_day_seen(steps):
    count, day, counted = DayCount(), 10, []
    for key, shift in steps:
        day += shift
        latest = max([day, *(each for each, _ in counted)])
        assert count.so_far(str(key), day) == counted.count((latest, key))
        count.add(str(key), day)
        counted.append((latest, key))


def test_connections_are_limited_in_all():
    state = state_of(connections={"total": 2, "total_reply": "421 4.3.2 {mx} is full"})
    peers = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    answers = [decide(state, Connected(ip), 0) for ip in peers]
    assert [answer.action for answer in answers] == [Action.ACCEPT, Action.ACCEPT, Action.REFUSE]
    assert str(answers[2].reply) == "421 4.3.2 mx.test is full"
    decide(state, Disconnected("127.0.0.1"), 0)
    assert decide(state, Connected("127.0.0.3"), 0).action is Action.ACCEPT


def test_a_connection_carries_so_many_messages():
    state = state_of(connections={"messages": 2, "messages_reply": "drop"})
    actions = [decide(state, MailFrom(IP, "", number=n), 0).action for n in (1, 2, 3)]
    assert actions == [Action.ACCEPT, Action.ACCEPT, Action.DROP]


def test_a_connection_limit_limits_something():
    with pytest.raises(ValidationError, match="max, total or messages"):
        ConnectionLimit()


JUDGE = Reputation(start=0.8, prior=10, half_life=100)
amounts = st.floats(0, 1000)


@given(st.lists(st.tuples(amounts, amounts, st.floats(0, 500)), max_size=20))
def test_a_reputation_is_between_nothing_and_one_and_goes_back_to_its_start(steps):
    known, now = Reputations(), 0.0
    for good, bad, gap in steps:
        now += gap
        before = known.of(IP, JUDGE, now)
        known.note(IP, JUDGE, now, bad=bad)
        assert 0 <= known.of(IP, JUDGE, now) <= before + 1e-9
        before = known.of(IP, JUDGE, now)
        known.note(IP, JUDGE, now, good=good)
        assert before - 1e-9 <= known.of(IP, JUDGE, now) <= 1
    later = known.of(IP, JUDGE, now + 100 * JUDGE.half_life)
    assert later == pytest.approx(JUDGE.start, abs=1e-6)


def test_a_reputation_is_what_its_formula_says():
    known = Reputations()
    known.note(IP, JUDGE, 0, good=20, bad=10)
    assert known.of(IP, JUDGE, 0) == pytest.approx((20 + 8) / 40)
    assert known.of(IP, JUDGE, 100) == pytest.approx((10 + 8) / 25)
    assert known.of("127.0.0.2", JUDGE, 0) == 0.8
    (standing,) = known.all(JUDGE, 100)
    assert (standing.source, standing.good, standing.bad) == (IP, 10, 5)


STEPS = [
    {"below": 0.9, "reply": "451 4.7.1 {reputation}"},
    {"below": 0.5, "reply": "554 5.7.1 {ip}", "stage": "connect"},
]


def test_unknown_users_and_traps_bring_a_source_down_and_time_lifts_it_again():
    state = state_of(
        unknown_users={"recipients": ["nobody@*"]},
        reputation={"prior": 10, "half_life": "1h", "traps": ["trap@*"], "steps": STEPS},
    )
    assert mail(state) is None
    for _ in range(2):
        assert rcpt(state, "nobody@x.test") == 550
    assert mail(state) == 451
    assert str(decide(state, MailFrom(IP, ""), 0).reply) == "451 4.7.1 0.83"
    decide(state, EndOfData(IP, "", ["trap@x.test"]), 0)
    refused = decide(state, Connected(IP), 0)
    assert str(refused.reply) == f"554 5.7.1 {IP}"
    assert mail(state) is None  # the lowest mark decides, which is not given here
    assert decide(state, Connected("127.0.0.2"), 0).reply is None
    assert decide(state, Connected(IP), 2 * 3600).reply is None
    assert mail(state, now=2 * 3600) == 451
    assert mail(state, now=10 * 3600) is None


def test_good_mail_outweighs_a_few_bounces():
    state = state_of(
        unknown_users={"recipients": ["nobody@*"]}, reputation={"prior": 10, "steps": STEPS}
    )
    for n in range(100):
        decide(state, EndOfData(IP, "", [f"u{n}@x.test"]), 0)
    for _ in range(5):
        rcpt(state, "nobody@x.test")
    assert mail(state) is None


def test_deferrals_and_lost_connections_count_for_nothing():
    state = state_of(greylist={}, reputation={"prior": 1, "steps": STEPS})
    for n in range(50):
        assert rcpt(state, f"u{n}@x.test") == 450
    decide(state, EndOfData(IP, "", ["drop-body@x.test"]), 0)
    assert list(state.reputations.all(JUDGE, 0)) == []


def test_a_network_may_share_its_reputation():
    state = state_of(
        unknown_users={"share": 1.0}, reputation={"prior": 1, "ipv4_prefix": 24, "steps": STEPS}
    )
    rcpt(state, "anna@x.test")
    assert mail(state, ip="127.0.0.99") == 451
    assert mail(state, ip="127.0.1.1") is None


def test_steps_that_would_keep_newcomers_out_are_refused():
    with pytest.raises(ValidationError, match="never let anybody begin"):
        Reputation(start=0.5, steps=[{"below": 0.6, "reply": "450 4.7.0 No"}])


def test_another_personality_finds_what_was_remembered():
    grey = {"greylist": {"delay": "5m"}}
    rated = {"rate": {"messages": 2, "per": "1m"}, "quota": [{"messages": 3}]}
    state = state_of(**grey, **rated)
    decide(state, Connected(IP), 0)
    assert rcpt(state, "anna@x.test") == 450
    assert [mail(state) for _ in range(3)] == [None, None, 421]

    become(state, tarpit={})
    assert rcpt(state, "anna@x.test", 10) is None
    assert state.connections.all == 1

    become(state, **grey, **rated)
    assert rcpt(state, "anna@x.test", 299) == 450
    assert rcpt(state, "anna@x.test", 300) is None
    assert mail(state, now=30) == 421
    assert mail(state, now=61) is None
    assert mail(state, now=62) == 452


def test_another_personality_brings_its_own_numbers():
    state = state_of(rate={"messages": 3, "per": "1m"}, greylist={"delay": "5m"})
    assert rcpt(state, "anna@x.test") == 450
    assert [mail(state) for _ in range(3)] == [None] * 3
    become(state, rate={"messages": 1, "per": "10s"}, greylist={"delay": "1s"})
    assert mail(state, now=9) == 421
    assert mail(state, now=10) is None
    assert rcpt(state, "anna@x.test", 1) is None


def test_a_reputation_outlives_personalities():
    trusted = {"reputation": {"prior": 10, "steps": STEPS}, "unknown_users": {"share": 1.0}}
    state = state_of(**trusted)
    for _ in range(3):
        rcpt(state, "anna@x.test")
    become(state)
    assert mail(state) is None
    become(state, **trusted)
    assert mail(state) == 451
