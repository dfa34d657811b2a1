"""Personalities in the manner of large providers, and what our own rules make of their words."""

import pytest

from mail.outcome import Rejected, Stage
from mail.reason import FailureType, Reason
from mta.classify import Classifier
from sinks.catalogue import personality_named
from sinks.events import Action, Connected, EndOfData, MailFrom, RcptTo
from sinks.personality import decide
from sinks.state import SinkState

PROVIDERS = ("gmail", "outlook", "yahoo", "orange", "icloud", "gmx")
CLASSIFIER = Classifier.packaged()
IP = "127.0.0.1"


def judged(reply, stage=Stage.RCPT):
    assert reply is not None
    return CLASSIFIER.classify(Rejected(reply, stage), 1)


def state_of(name):
    return SinkState(personality_named(name, {}), mx="mx.test", seed="0")


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_unknown_user_is_known_to_be_one(name):
    answer = decide(state_of(name), RcptTo(IP, "a@lab.test", "unknown-7@x.test"), 0)
    verdict = judged(answer.reply)
    assert (verdict.failure, verdict.reason) == (FailureType.HARD, Reason.USER_UNKNOWN)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_full_mailbox_is_known_to_be_one(name):
    answer = decide(state_of(name), RcptTo(IP, "a@lab.test", "full@x.test"), 0)
    assert judged(answer.reply).reason is Reason.MAILBOX_FULL


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_ordinary_recipient_is_taken(name):
    state = state_of(name)
    for event in (
        Connected(IP),
        MailFrom(IP, "a@lab.test"),
        RcptTo(IP, "a@lab.test", "anna@x.test"),
        EndOfData(IP, "a@lab.test", ["anna@x.test"]),
    ):
        assert decide(state, event, 0).action is Action.ACCEPT


@pytest.mark.parametrize("name", [*PROVIDERS, "reputation"])
def test_who_writes_to_unknown_users_is_deferred_then_refused_then_forgiven(name):
    state = state_of(name)
    codes = []
    for number in range(60):
        for event in (Connected(IP), MailFrom(IP, "a@lab.test")):
            reply = decide(state, event, 0).reply
            if reply is not None and reply.code // 100 not in codes[-1:]:
                codes.append(reply.code // 100)
                assert judged(reply, Stage(event.stage)).failure in {
                    FailureType.IGNORED,
                    FailureType.SOFT,
                }
            if isinstance(event, Connected) and reply is None:
                state.connections.close(IP)
        decide(state, RcptTo(IP, "a@lab.test", f"unknown{number}@x.test"), 0)
    assert codes == [4, 5]
    week = 7 * 86400
    assert decide(state, Connected(IP), week).reply is None
    assert decide(state, MailFrom(IP, "a@lab.test"), week).reply is None
