"""Refusals at every stage, stalls, cuts, tarpits: what the machine says of them."""

import pytest
from pydantic import ValidationError

from sinks.events import (
    Action,
    Answer,
    Connected,
    DataBegins,
    EndOfData,
    Greeted,
    Leaving,
    MailFrom,
    RcptTo,
    TlsAsked,
)
from sinks.faults import Cut, Refusal, Stall
from sinks.personality import decide
from sinks.settings import Personality
from sinks.state import SinkState

IP = "127.0.0.1"
TO = ["anna@example.test"]
EVENTS = {
    "connect": Connected(IP),
    "ehlo": Greeted(IP),
    "starttls": TlsAsked(IP),
    "mail": MailFrom(IP, "a@lab.test"),
    "rcpt": RcptTo(IP, "a@lab.test", TO[0]),
    "data": DataBegins(IP, "a@lab.test", TO),
    "body": EndOfData(IP, "a@lab.test", TO),
    "quit": Leaving(IP),
}


def state_of(seed="0", **tables):
    return SinkState(Personality.model_validate(tables), mx="mx.test", seed=seed)


@pytest.mark.parametrize("stage", [each for each in EVENTS if each != "quit"])
def test_a_refusal_is_given_at_its_stage_and_at_no_other(stage):
    state = state_of(refuse=[{"stage": stage, "reply": "454 4.7.0 No, {ip}"}])
    for name, event in EVENTS.items():
        answer = decide(state, event, 0)
        if name == stage:
            assert (answer.action, str(answer.reply)) == (Action.REFUSE, f"454 4.7.0 No, {IP}")
        else:
            assert answer == Answer()


@pytest.mark.parametrize(("code", "helo"), [(500, Action.ACCEPT), (502, Action.ACCEPT)])
def test_a_server_that_does_not_know_ehlo_knows_helo(code, helo):
    state = state_of(refuse=[{"stage": "ehlo", "reply": f"{code} 5.5.1 What?"}])
    assert decide(state, Greeted(IP), 0).action is Action.REFUSE
    assert decide(state, Greeted(IP, is_extended=False), 0).action is helo


def test_any_other_refusal_of_ehlo_is_for_helo_too():
    for reply in ("550 5.7.1 Not you", "drop"):
        state = state_of(refuse=[{"stage": "ehlo", "reply": reply}])
        assert decide(state, Greeted(IP, is_extended=False), 0).action is not Action.ACCEPT


def test_a_rule_may_be_for_some_peers():
    state = state_of(refuse=[{"stage": "connect", "reply": "554 5.7.1 No", "peers": ["127.0.1.*"]}])
    assert decide(state, Connected("127.0.1.7"), 0).action is Action.REFUSE
    assert decide(state, Connected("127.0.0.1"), 0).action is Action.ACCEPT


def test_a_share_of_addresses_before_any_address_is_one_of_peers():
    rule = {"stage": "ehlo", "reply": "450 4.7.0 No", "share": 0.5, "share_of": "addresses"}
    state = state_of(refuse=[rule])
    peers = [f"127.0.{n // 256}.{n % 256}" for n in range(400)]
    refused = {ip for ip in peers if decide(state, Greeted(ip), 0).reply}
    assert 120 < len(refused) < 280
    assert refused == {ip for ip in reversed(peers) if decide(state, Greeted(ip), 9).reply}


@pytest.mark.parametrize("stage", EVENTS)
def test_a_stall_holds_back_the_reply_of_its_stage(stage):
    state = state_of(stall=[{"stage": stage, "time": "7s", "said": 4}])
    for name, event in EVENTS.items():
        stall = decide(state, event, 0).stall
        assert stall == (Stall(stage=stage, time=7, said=4) if name == stage else None)


@pytest.mark.parametrize("stage", EVENTS)
def test_a_cut_before_the_reply_drops_and_after_it_accepts_first(stage):
    before = decide(state_of(drop=[{"stage": stage}]), EVENTS[stage], 0)
    assert (before.action, before.cut) == (Action.DROP, Cut(stage=stage))
    rule = {"stage": stage, "when": "after", "how": "reset"}
    after = decide(state_of(drop=[rule]), EVENTS[stage], 0)
    assert after.action is Action.ACCEPT
    assert after.cut is not None
    assert after.cut.how == "reset"


def test_a_message_may_be_kept_and_its_sender_left_without_a_word():
    state = state_of(drop=[{"stage": "body", "kept": True}])
    assert decide(state, EVENTS["body"], 0).action is Action.ACCEPT_UNHEARD


def test_a_cut_in_the_content_is_decided_at_data():
    state = state_of(drop=[{"stage": "content", "after_bytes": 9, "recipients": ["anna@*"]}])
    answer = decide(state, EVENTS["data"], 0)
    assert answer.cut is not None
    assert answer.cut.after_bytes == 9
    assert decide(state, DataBegins(IP, "a@lab.test", ["bob@x.test"]), 0).cut is None
    assert decide(state, EVENTS["body"], 0) == Answer()


def test_what_is_refused_is_not_cut():
    state = state_of(refuse=[{"stage": "mail", "reply": "450 4.2.0 No"}], drop=[{"stage": "mail"}])
    assert decide(state, EVENTS["mail"], 0).action is Action.REFUSE


def test_a_connection_that_is_cut_before_its_greeting_holds_no_place():
    state = state_of(connections={"max": 1}, drop=[{"stage": "connect"}])
    assert [decide(state, Connected(IP), 0).action for _ in range(3)] == [Action.DROP] * 3
    assert state.connections.all == 0


@pytest.mark.parametrize(
    ("kind", "table", "why"),
    [
        (Cut, {"stage": "mail", "after_bytes": 4}, "after_bytes"),
        (Cut, {"stage": "body", "when": "after", "kept": True}, "kept"),
        (Cut, {"stage": "content", "when": "after"}, "no reply"),
        (Cut, {"stage": "starttls", "senders": ["a@*"]}, "not known yet"),
        (Stall, {"stage": "ehlo", "recipients": ["a@*"]}, "not known yet"),
        (Refusal, {"stage": "starttls", "reply": "454 x", "senders": ["a@*"]}, "not known yet"),
        (Refusal, {"stage": "quit", "reply": "454 x"}, "stage"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(kind, table, why):
    with pytest.raises(ValidationError, match=why):
        kind.model_validate(table)


def test_a_tarpit_is_for_its_peers_and_its_time():
    state = state_of(tarpit={"pause": "1s", "lasts": "10s", "peers": ["127.0.1.*"]})
    assert state.tarpit_of("127.0.1.1", 9.9) is not None
    assert state.tarpit_of("127.0.1.1", 10) is None
    assert state.tarpit_of("127.0.0.1", 0) is None


def test_a_tarpit_may_be_for_a_share_of_peers_and_always_the_same():
    state = state_of(tarpit={"share": 0.5})
    peers = [f"127.0.0.{n}" for n in range(200)]
    slow = [ip for ip in peers if state.tarpit_of(ip, 0)]
    assert 60 < len(slow) < 140
    assert slow == [ip for ip in peers if state.tarpit_of(ip, 0)]


def test_mail_waits_for_tls_where_it_is_required():
    state = state_of(require_tls=True, certificate="good")
    assert str(decide(state, MailFrom(IP, ""), 0).reply).startswith("530 5.7.0")
    assert decide(state, MailFrom(IP, "", is_encrypted=True), 0).action is Action.ACCEPT
