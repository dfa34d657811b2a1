"""pause, resume, cancel, retry: what an operator does to queued and finished mail."""

import pytest

from mail.reason import Reason
from mail.states import DeliveryEvent
from store import leases, log, operator, tables
from store.errors import CannotNow, UnknownDelivery
from tests.store.hand import DEFERRED, UNKNOWN_USER

PAUSED, RESUMED, CANCELLED = DeliveryEvent.PAUSED, DeliveryEvent.RESUMED, DeliveryEvent.CANCELLED


@pytest.fixture
def steer(hand, clock):
    return lambda delivery, event: hand.do(operator.steer, delivery, event, clock.now())


@pytest.fixture
def withdraw(hand, clock):
    def some(limit=1000, **wanted):
        return hand.do(operator.withdraw, log.Filter(**wanted), 0, limit, clock.now()).changed

    return some


@pytest.fixture
def retry(hand, clock):
    def some(after=0, limit=1000, **wanted):
        return hand.do(operator.retry, log.Filter(**wanted), after, limit, clock.now(), 3600.0)

    return some


def failed(hand, count=2):
    """A delivery that is finished, all of its messages failed."""
    delivery = hand.submit([f"{n}@a.test" for n in range(count)], part_size=count)
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, UNKNOWN_USER), finished=[lent])
    hand.finish()
    assert hand.delivery_status(delivery) == "finished"
    return delivery


def test_what_is_paused_waits_and_what_is_resumed_goes_on(hand, steer):
    delivery = hand.submit()
    assert steer(delivery, PAUSED) == "paused"
    assert hand.queued() == []
    assert steer(delivery, RESUMED) == "start_pending"
    assert len(hand.queued()) == 1


def test_a_worker_is_told_what_it_should_not_send_any_more(hand, steer):
    paused, kept = hand.submit(["x@a.test"]), hand.submit(["y@b.test"])
    author = hand.worker()
    hand.lease(author)
    assert hand.ask(leases.unwanted, author.worker_id) == set()
    steer(paused, PAUSED)
    assert hand.ask(leases.unwanted, author.worker_id) == {paused}
    steer(kept, CANCELLED)
    assert hand.ask(leases.unwanted, author.worker_id) == {paused, kept}


@pytest.mark.parametrize("event", [PAUSED, RESUMED, CANCELLED])
def test_what_is_over_cannot_be_steered(hand, steer, event):
    delivery = failed(hand)
    with pytest.raises(CannotNow, match=f"delivery {delivery} is finished and cannot be"):
        steer(delivery, event)
    with pytest.raises(UnknownDelivery):
        steer(99, event)


def test_a_cancelled_delivery_ends_whatever_of_it_nobody_holds(hand, steer, clock):
    delivery = hand.submit(["x@a.test", "y@a.test", "z@b.test", "r@b.test"])
    author = hand.worker()
    first, second = hand.lease(author)
    hand.settle(author, hand.outcomes(second, DEFERRED)[:1])
    hand.settle(author, released=[second])
    steer(delivery, CANCELLED)
    for expected in (1, 1, 0):  # one a call
        assert hand.do(operator.withdraw_cancelled, 1, clock.now()) == expected
    assert hand.statuses() == ["pending", "pending", "cancelled", "cancelled"]
    hand.settle(author, hand.outcomes(first)[:1], released=[first])
    assert hand.do(operator.withdraw_cancelled, 9, clock.now()) == 1
    assert sorted(hand.statuses()) == ["cancelled", "cancelled", "cancelled", "sent"]
    assert hand.count(tables.part) == 0
    assert {each.reason for each in hand.messages()} == {None, Reason.WITHDRAWN}


def test_messages_are_cancelled_by_number_domain_and_reason(hand, withdraw):
    delivery = hand.submit(["x@a.test", "y@a.test", "z@b.test"])
    assert withdraw(delivery_id=delivery, message_id=2) == 1
    assert withdraw(delivery_id=delivery, domain="b.*") == 1
    assert hand.statuses() == ["pending", "cancelled", "cancelled"]
    assert [each.size for each in hand.queued()] == [1]
    assert withdraw(delivery_id=delivery, reason=Reason.MAILBOX_FULL) == 0


def test_what_a_worker_holds_is_not_taken_from_it(hand, withdraw):
    delivery = hand.submit(["x@a.test"])
    hand.lease(hand.worker())
    assert withdraw(delivery_id=delivery) == 0
    assert hand.ask(operator.held, log.Filter(delivery_id=delivery)) == 1


def test_failed_messages_are_due_again_and_their_delivery_is_open(hand, retry, clock):
    delivery = failed(hand)
    clock.advance(6 * 86_400)  # past its validity
    assert retry(delivery_id=delivery).changed == 2
    assert hand.delivery_status(delivery) == "start_pending"
    assert hand.expire() == 0
    assert hand.cut() == 2
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent), finished=[lent])
    hand.finish()
    assert hand.statuses() == ["sent", "sent"]
    assert hand.delivery_status(delivery) == "finished"
    assert retry(delivery_id=delivery).changed == 0


def test_many_are_retried_step_by_step(hand, retry):
    delivery = failed(hand, 5)
    first = retry(delivery_id=delivery, limit=2)
    assert first.changed == 2
    second = retry(first.last_id, 2, delivery_id=delivery)
    third = retry(second.last_id, 2, delivery_id=delivery)
    assert (second.changed, third.changed, third.last_id) == (2, 1, 0)


def test_what_failed_in_a_cancelled_delivery_stays_failed(hand, retry, steer):
    delivery = hand.submit(["x@a.test", "y@b.test"])
    author = hand.worker()
    first, second = hand.lease(author)
    hand.settle(author, hand.outcomes(first, UNKNOWN_USER), finished=[first], released=[second])
    steer(delivery, CANCELLED)
    assert retry(delivery_id=delivery).changed == 0
