"""Whatever is answered, there is one verdict, and it keeps the promises that rules cannot break."""

from hypothesis import given
from hypothesis import strategies as st

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reason import FailureType
from mail.reply import Reply
from mail.states import MessageEvent
from mta.classify import TEXT_MAX, Classifier

CLASSIFIER = Classifier.packaged()
words = st.sampled_from(
    ["mailbox", "full", "user", "unknown", "greylisted", "too many", "spam", "blocked", "5.7.1", ""]
)
enhanced = st.builds(
    "{}.{}.{} ".format, st.sampled_from("245"), st.integers(0, 999), st.integers(0, 999)
)
texts = st.text(st.characters()) | st.builds(
    "{}{}".format, enhanced | st.just(""), st.lists(words | st.text(), max_size=8).map(" ".join)
)
codes = st.integers(400, 599) | st.integers(-10, 1000)
replies = st.builds(Reply, codes, texts)
stages = st.sampled_from(Stage)
answers = (
    st.builds(Accepted, replies)
    | st.builds(Rejected, replies, stages)
    | st.builds(Broken, texts, stages, st.booleans())
)
attempts = st.integers(1, 100)
LEGAL = {MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED}


@given(answers, attempts)
def test_each_answer_gets_one_whole_verdict(answer, number):
    verdict = CLASSIFIER.classify(answer, number)
    assert verdict.event in LEGAL
    is_accepted = isinstance(answer, Accepted)
    assert (verdict.event is MessageEvent.ACCEPTED) == is_accepted
    assert (verdict.failure is None) == (verdict.reason is None) == is_accepted
    assert bool(verdict.rule) != is_accepted
    assert len(verdict.text) <= TEXT_MAX
    assert len(verdict.text.splitlines()) <= 1
    verdict.text.encode()
    assert verdict == CLASSIFIER.classify(answer, number)


@given(replies, stages, attempts)
def test_only_a_permanent_reply_ends_a_message(reply, stage, number):
    verdict = CLASSIFIER.classify(Rejected(reply, stage), number)
    if verdict.event is MessageEvent.REFUSED:
        assert 500 <= reply.code <= 599
    else:
        assert verdict.failure is not FailureType.HARD


@given(texts, stages, attempts)
def test_what_may_have_arrived_is_never_ended_and_never_held_against_the_address(
    error, stage, number
):
    verdict = CLASSIFIER.classify(Broken(error, stage, is_doubtful=True), number)
    assert (verdict.event, verdict.failure) == (MessageEvent.DEFERRED, FailureType.IGNORED)


@given(texts, stages, attempts)
def test_a_broken_connection_is_never_held_against_the_address(error, stage, number):
    assert CLASSIFIER.classify(Broken(error, stage), number).failure is FailureType.IGNORED
