"""failure_texts: counted with the outcomes that say them, qualified by hand."""

import pytest

from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from store import failure_texts
from store.errors import UnknownFailureText
from store.failure_texts import Seen, TextStatus
from tests.store.hand import ACCEPTED

UNDEFINED = Verdict(
    MessageEvent.DEFERRED, FailureType.UNDEFINED, Reason.NOT_DEFINED, "odd 12", 450, rule="unknown"
)
UNKNOWN = Verdict(
    MessageEvent.REFUSED, FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 <x@a.test>?", 550, "5.1.1",
    "user-unknown",
)  # fmt: skip


def seen(text, code=550, rule="user-unknown", reason=Reason.USER_UNKNOWN):
    return Seen(code, text, FailureType.HARD, reason, rule)


def test_outcomes_count_the_texts_of_failures_and_no_others(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(4)], part_size=4)
    author = hand.worker()
    (lent,) = hand.lease(author)
    later = clock.now() + 60
    verdicts = [UNKNOWN, UNKNOWN._replace(text="5.1.1 <y@b.test>?"), UNDEFINED, ACCEPTED]
    outcomes = [
        each._replace(verdict=verdict, next_attempt_at=later if verdict is UNDEFINED else None)
        for each, verdict in zip(hand.outcomes(lent), verdicts, strict=True)
    ]
    hand.settle(author, outcomes, finished=[lent])
    first, second = hand.ask(failure_texts.find)
    assert (first.text, first.first_text) == ("5.1.1 *?", "5.1.1 <x@a.test>?")
    assert (first.occurrences, first.status, first.rule) == (2, TextStatus.KEEP, "user-unknown")
    assert (second.text, second.occurrences) == ("odd #xxx#", 1)
    assert second.status is TextStatus.TO_QUALIFY
    assert (second.failure, second.reason) == (FailureType.UNDEFINED, Reason.NOT_DEFINED)


def test_counting_stops_at_a_hundred_thousand(hand):
    hand.do(failure_texts.count, [seen("no")] * 99_999, 1.0)
    hand.do(failure_texts.count, [seen("no")] * 3, 2.0)
    (found,) = hand.ask(failure_texts.find)
    assert (found.occurrences, found.first_at, found.last_at) == (100_000, 1.0, 2.0)


def test_what_judged_it_last_is_told_and_a_decision_stays(hand):
    hand.do(failure_texts.count, [seen("what", rule="unknown", reason=Reason.NOT_DEFINED)], 1.0)
    (found,) = hand.ask(failure_texts.find, TextStatus.TO_QUALIFY)
    hand.do(failure_texts.qualify, found.key, TextStatus.IGNORE)
    hand.do(failure_texts.count, [seen("what", rule="mine")], 2.0)
    assert hand.ask(failure_texts.find, TextStatus.TO_QUALIFY) == []
    after = hand.ask(failure_texts.get, found.key[:6])
    assert (after.status, after.rule, after.reason) == ("ignore", "mine", Reason.USER_UNKNOWN)


def test_nothing_seen_writes_nothing(hand):
    hand.do(failure_texts.count, [], 1.0)
    assert hand.ask(failure_texts.find) == []


@pytest.mark.parametrize("key", ["", "zz"])
def test_a_key_must_name_one_text(hand, key):
    hand.do(failure_texts.count, [seen("a"), seen("b")], 1.0)
    with pytest.raises(UnknownFailureText):
        hand.ask(failure_texts.get, key)
