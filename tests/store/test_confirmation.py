"""A delivery that is held: analysed, counted, and not sent before somebody confirms it."""

import pytest

from mail.states import DeliveryEvent
from store import audit, deliveries, operator, queues
from store.errors import CannotNow
from tests.store.hand import ACCEPTED, DAY


@pytest.fixture
def held(hand):
    delivery = hand.create()
    hand.add(delivery, ["x@a.test", "x@a.test", "y@b.test"])
    hand.do(deliveries.confirm, delivery, hand.clock.now(), hold=True)
    return delivery


def confirm(hand, delivery):
    return hand.do(operator.steer, delivery, DeliveryEvent.CONFIRMED, hand.clock.now())


def test_it_is_analysed_and_nothing_of_it_is_handed_out(hand, held):
    assert hand.delivery_status(held) == "ready"
    assert hand.statuses() == ["pending", "ignored", "pending"]
    assert hand.ask(deliveries.get, held).counts == {"pending": 2, "ignored": 1}
    assert hand.queued() == []
    assert hand.ask(queues.waiting) == []
    assert [(each.mx_group, each.messages) for each in hand.ask(queues.unconfirmed)] == [
        ("a", 1),
        ("b", 1),
    ]
    assert hand.lease(hand.worker()) == []
    assert hand.finish() == []
    assert hand.ask(deliveries.is_any_unfinished)


def test_confirmed_it_goes_as_any_other(hand, held):
    assert confirm(hand, held) == "start_pending"
    author = hand.worker()
    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
    assert hand.finish() == [held]
    told = [each.text for each in hand.ask(audit.entries, delivery_id=held)]
    assert told[1:3] == [
        "3 messages to send, held until the delivery is confirmed",
        "ready → start_pending: by an operator",
    ]


def test_it_is_confirmed_once(hand, held):
    confirm(hand, held)
    with pytest.raises(CannotNow, match="is start_pending and cannot be confirmed"):
        confirm(hand, held)


def test_its_validity_runs(hand, clock, held):
    clock.advance(5 * DAY)
    assert hand.expire() == 2
    assert hand.statuses() == ["cancelled", "ignored", "cancelled"]
    assert hand.finish() == [held]
    with pytest.raises(CannotNow):
        confirm(hand, held)


def test_it_can_be_cancelled(hand, held):
    hand.do(operator.steer, held, DeliveryEvent.CANCELLED, hand.clock.now())
    assert hand.do(operator.withdraw_cancelled, 10, hand.clock.now()) == 2
    assert hand.statuses() == ["cancelled", "ignored", "cancelled"]


def test_it_cannot_be_paused(hand, held):
    with pytest.raises(CannotNow, match="is ready and cannot be paused"):
        hand.do(operator.steer, held, DeliveryEvent.PAUSED, hand.clock.now())
