"""Receipts of messages that bounced later: each bounce accounts for one of them."""

import pytest

from mail.inbound import InboundKind, digest_of
from mail.message_id import MessageMark, return_path
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from monitor.reconcile import Seen, reconcile
from store import inbound, log, operator
from tests.store.hand import DAY

SOFT = Verdict(MessageEvent.REFUSED, FailureType.SOFT, Reason.MAILBOX_FULL, "full", 552)
DIGEST = digest_of("bounce", b"1")


@pytest.fixture
def bounced(hand):
    """A message that was sent and bounced; whoever asks for it holds receipts against it."""
    worker = hand.worker()
    delivery = hand.submit(["x@a.test"])
    send(hand, worker)
    report = inbound.Report(("x@a.test",), InboundKind.FAILED, SOFT)
    kind, mark = InboundKind.FAILED, MessageMark(delivery, 1, "x.test")
    letter = inbound.Letter("bounce", "", b"1", DIGEST, kind, "", "", mark, None, (report,))
    hand.do(inbound.take, [letter], inbound.Terms(DAY), hand.clock.now())
    return worker


def send(hand, worker):
    [part] = hand.lease(worker)
    hand.settle(worker, hand.outcomes(part), finished=[part])


def again(hand, worker):
    """An operator retries it, and it is sent."""
    wanted = log.Filter(status="failed")
    hand.do(operator.retry, wanted, 0, 10, hand.clock.now(), DAY)
    hand.cut()
    send(hand, worker)


def account(hand, times, returned=()):
    receipts = [Seen(None, return_path("x.test", 1, 1), "127.0.1.1")] * times
    return reconcile(hand.store, receipts, lambda _: None, returned)


def test_one_receipt_and_a_bounce_agree(hand, bounced):
    found = account(hand, 1)
    assert found.is_ok()
    assert (found.bounced, found.sent) == (1, 0)


def test_a_second_receipt_is_of_nobody(hand, bounced):
    found = account(hand, 2)
    assert (found.unmarked.count, found.duplicated.count) == (1, 0)


def test_one_that_was_sent_again_has_two(hand, bounced):
    again(hand, bounced)
    assert account(hand, 2).is_ok()
    assert account(hand, 3).duplicated.count == 1


def test_what_was_taken_must_be_there(hand, bounced):
    found = account(hand, 1, [DIGEST, DIGEST])
    assert found.is_ok()
    assert (found.returned, found.kept) == (1, 1)
    found = account(hand, 1, [DIGEST, "0" * 64])
    assert not found.is_ok()
    assert found.as_json()["bounces_async"] == {"returned": 2, "kept": 1}
