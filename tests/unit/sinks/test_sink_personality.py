import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.events import (
    Action,
    Answer,
    Connected,
    Disconnected,
    EndOfData,
    MailFrom,
    RcptTo,
)
from sinks.personality import decide
from sinks.settings import Personality
from sinks.state import SinkState

IP = "127.0.0.1"
ANNA = RcptTo(IP, "sender@lab.test", "anna@example.test")


def state_of(seed="0", **tables):
    return SinkState(Personality.model_validate(tables), mx="mx.test", seed=seed)


def test_by_default_everything_is_accepted_at_once():
    state = state_of()
    for event in (
        Connected(IP),
        MailFrom(IP, ""),
        ANNA,
        EndOfData(IP, "", ["anna@example.test"]),
        Disconnected(IP),
    ):
        assert decide(state, event, 0) == Answer(Action.ACCEPT)


@pytest.mark.parametrize(
    ("stage", "event"),
    [
        ("connect", Connected(IP)),
        ("mail", MailFrom(IP, "sender@lab.test")),
        ("rcpt", ANNA),
        ("body", EndOfData(IP, "sender@lab.test", ["anna@example.test"])),
    ],
)
def test_a_rule_refuses_at_its_stage_only(stage, event):
    state = state_of(refuse=[{"stage": stage, "reply": "554 5.7.1 No from {ip} at {mx}"}])
    others = [
        Connected(IP),
        MailFrom(IP, "s@x.test"),
        ANNA,
        EndOfData(IP, "s@x.test", ["a@b.test"]),
    ]
    answer = decide(state, event, 0)
    assert answer.action is Action.REFUSE
    assert str(answer.reply) == "554 5.7.1 No from 127.0.0.1 at mx.test"
    assert sum(decide(state, each, 0).action is Action.REFUSE for each in others) == 1


def test_a_rule_is_for_the_senders_and_recipients_that_its_masks_name():
    rule = {
        "stage": "rcpt",
        "reply": "550 5.7.1 <{recipient}> takes nothing from <{sender}>",
        "recipients": ["*@blocked.test", "ann?@example.test"],
        "senders": ["news*@*"],
    }
    state = state_of(refuse=[rule])
    answer = decide(state, RcptTo(IP, "news-1@lab.test", "ANNA@example.test"), 0)
    assert answer.reply is not None
    assert answer.reply.text == "5.7.1 <ANNA@example.test> takes nothing from <news-1@lab.test>"
    assert decide(state, RcptTo(IP, "news@lab.test", "bob@blocked.test"), 0).reply is not None
    assert decide(state, RcptTo(IP, "news@lab.test", "bob@example.test"), 0).reply is None
    assert decide(state, RcptTo(IP, "shop@lab.test", "anna@example.test"), 0).reply is None


def test_a_rule_may_drop_the_connection():
    state = state_of(refuse=[{"stage": "body", "reply": "drop"}])
    assert decide(state, EndOfData(IP, "", ["a@b.test"]), 0).action is Action.DROP


def test_a_share_of_attempts_is_drawn_anew_and_of_addresses_is_kept():
    def refusals(share_of, state_seed="0"):
        rule = {"stage": "rcpt", "reply": "450 4.2.0 No", "share": 0.5, "share_of": share_of}
        state = state_of(state_seed, refuse=[rule])
        return [decide(state, ANNA, 0).action for _ in range(200)]

    assert 60 < refusals("attempts").count(Action.REFUSE) < 140
    assert len(set(refusals("addresses"))) == 1
    assert len({refusals("addresses", str(seed))[0] for seed in range(20)}) == 2


def test_an_unknown_user_is_unknown_each_time_and_whoever_asks():
    tables = {"unknown_users": {"share": 0.2, "reply": "550 5.1.1 <{recipient}> unknown"}}
    first, second = state_of(**tables), state_of(**tables)
    users = [f"user{n}@example.test" for n in range(2000)]
    unknown = {u for u in users if decide(first, RcptTo(IP, "a@lab.test", u), 0).reply}
    again = {
        u
        for u in reversed(users)
        if decide(second, RcptTo("::1", "b@lab.test", u.upper()), 9).reply
    }
    assert unknown == again
    assert 300 < len(unknown) < 500


def test_users_may_be_unknown_by_mask():
    state = state_of(unknown_users={"recipients": ["nobody*@*"]})
    answer = decide(state, RcptTo(IP, "a@lab.test", "nobody7@example.test"), 0)
    assert answer.reply is not None
    assert answer.reply.code == 550
    assert "nobody7@example.test" in answer.reply.text
    assert decide(state, ANNA, 0).reply is None


def test_a_pair_is_deferred_its_times_then_accepted():
    state = state_of(defer={"times": 2, "reply": "451 4.3.0 Later"})
    other = RcptTo(IP, "other@lab.test", "anna@example.test")
    assert [decide(state, ANNA, t).reply is None for t in range(4)] == [False, False, True, True]
    assert decide(state, other, 9).reply is not None


def test_only_a_share_of_pairs_is_deferred():
    state = state_of(defer={"times": 1, "share": 0.3})
    events = [RcptTo(IP, "s@lab.test", f"u{n}@example.test") for n in range(1000)]
    first = [decide(state, each, 0).action for each in events]
    assert 200 < first.count(Action.REFUSE) < 400
    assert {decide(state, each, 1).action for each in events} == {Action.ACCEPT}


def test_greylisting_is_per_peer_sender_and_recipient():
    state = state_of(greylist={"delay": "5m"})
    anna_elsewhere = RcptTo("127.0.0.2", ANNA.sender, ANNA.recipient)
    assert decide(state, ANNA, 0).reply is not None
    assert decide(state, ANNA, 299).reply is not None
    assert decide(state, ANNA, 300).reply is None
    assert decide(state, anna_elsewhere, 300).reply is not None
    assert decide(state, RcptTo(IP, "vERP-2@lab.test", ANNA.recipient), 300).reply is not None


def test_greylisting_can_take_a_network_as_one_peer():
    state = state_of(greylist={"delay": "5m", "ipv4_prefix": 24})
    decide(state, ANNA, 0)
    assert decide(state, RcptTo("127.0.0.2", ANNA.sender, ANNA.recipient), 300).reply is None


def test_more_messages_than_the_rate_are_told_so_by_their_ip():
    state = state_of(rate={"messages": 2, "per": "1m", "reply": "421 4.7.0 {ip} is too fast"})
    replies = [decide(state, MailFrom(IP, "a@b.test"), t).reply for t in (0, 1, 2, 60)]
    assert [None if r is None else str(r) for r in replies] == [
        None,
        None,
        "421 4.7.0 127.0.0.1 is too fast",
        None,
    ]


def test_more_connections_than_the_limit_are_refused_until_one_ends():
    state = state_of(connections={"max": 1})
    assert decide(state, Connected(IP), 0).action is Action.ACCEPT
    refused = decide(state, Connected(IP), 0)
    assert refused.reply is not None
    assert refused.reply.code == 421
    assert "mx.test" in refused.reply.text
    assert decide(state, Connected("127.0.0.2"), 0).action is Action.ACCEPT
    decide(state, Disconnected(IP), 0)
    assert decide(state, Connected(IP), 0).action is Action.ACCEPT


def test_latency_is_within_time_and_jitter_and_differs():
    state = state_of(latency={"greeting": "1s", "rcpt": {"time": "1s", "jitter": "1s"}})
    assert decide(state, Connected(IP), 0).delay_s == 1
    delays = [decide(state, ANNA, 0).delay_s for _ in range(50)]
    assert all(1 <= each < 2 for each in delays)
    assert len(set(delays)) > 40


def test_a_local_part_is_heeded_before_the_personality():
    state = state_of(unknown_users={"share": 1.0}, latency={"rcpt": "1s"})
    wished = decide(state, RcptTo(IP, "a@b.test", "bounce-552@example.test"), 0)
    assert wished.reply is not None
    assert wished.reply.code == 552
    slow = decide(state, RcptTo(IP, "a@b.test", "slow-3s@example.test"), 0)
    assert slow.delay_s == 4
    assert slow.reply is not None
    assert slow.reply.code == 550


def test_a_local_part_defers_each_pair_its_times():
    state = state_of()
    one = RcptTo(IP, "a@b.test", "x+defer2x@example.test")
    other = RcptTo(IP, "c@d.test", "x+defer2x@example.test")
    answers = [decide(state, each, 0).action for each in (one, one, other, one, other, other)]
    refuse, accept = Action.REFUSE, Action.ACCEPT
    assert answers == [refuse, refuse, refuse, accept, refuse, accept]


def test_a_local_part_ends_the_connection_where_it_says():
    state = state_of()
    assert decide(state, RcptTo(IP, "", "drop@x.test"), 0).action is Action.DROP
    assert decide(state, RcptTo(IP, "", "drop-body@x.test"), 0).action is Action.ACCEPT
    assert (
        decide(state, EndOfData(IP, "", ["a@x.test", "drop-body@x.test"]), 0).action is Action.DROP
    )
    unheard = decide(state, EndOfData(IP, "", ["drop-reply@x.test"]), 0)
    assert unheard.action is Action.ACCEPT_UNHEARD


LIVELY = {
    "latency": {"rcpt": {"time": "10ms", "jitter": "1s"}},
    "refuse": [{"stage": "mail", "reply": "450 4.0.0 No", "share": 0.3}],
    "unknown_users": {"share": 0.2},
    "defer": {"times": 1, "share": 0.5},
    "greylist": {"delay": "3s"},
    "rate": {"messages": 3, "per": "10s"},
    "connections": {"max": 2},
}
ips = st.sampled_from(["127.0.0.1", "127.0.0.2"])
senders = st.sampled_from(["a@lab.test", "b@lab.test"])
recipients = st.sampled_from([f"u{n}@x.test" for n in range(5)] + ["defer2x@x.test"])
events = st.one_of(
    st.builds(Connected, ips),
    st.builds(MailFrom, ips, senders),
    st.builds(RcptTo, ips, senders, recipients),
    st.builds(EndOfData, ips, senders, st.lists(recipients, min_size=1)),
)


@given(st.lists(st.tuples(events, st.integers(0, 5)), max_size=40), st.text(max_size=5))
def test_the_same_seed_and_events_give_the_same_answers(steps, seed):
    def answers():
        state, now, given_ = state_of(seed, **LIVELY), 0, []
        for event, gap in steps:
            now += gap
            given_.append(decide(state, event, now))
        return given_

    assert answers() == answers()


@given(st.lists(st.tuples(events, st.integers(0, 5)), max_size=40))
def test_a_refusal_always_has_a_refusing_reply_and_an_acceptance_none(steps):
    state, now = state_of("0", **LIVELY), 0
    for event, gap in steps:
        now += gap
        answer = decide(state, event, now)
        if answer.action is Action.REFUSE:
            assert answer.reply is not None
            assert not answer.reply.is_positive
        else:
            assert answer.reply is None
