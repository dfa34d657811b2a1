"""Deliveries are found by label and status; groups of what is pending show some of their own."""

import pytest

from mail.cause import Cause
from mail.states import DeliveryEvent, DeliveryStatus
from store import deliveries, delivery_search, operator, pending_examples, retention
from store.delivery_search import Wanted
from tests.store.test_pending import GREYLISTED, LATER

ADDRESSES = ("a@a.test", "b@a.test", "c@a.test", "d@b.test")


def found(hand, wanted=None, limit=10, before_id=None):
    rows = hand.ask(delivery_search.find, wanted or Wanted(), limit, before_id)
    return [each.id for each in rows]


@pytest.fixture
def three(hand):
    numbers = [hand.create() for _ in range(3)]
    for each in numbers:
        hand.add(each, ADDRESSES)
        hand.do(deliveries.confirm, each, hand.clock.now())
    hand.do(operator.steer, numbers[1], DeliveryEvent.PAUSED, hand.clock.now())
    return numbers


def test_the_newest_come_first_page_by_page(hand, three):
    assert found(hand) == three[::-1]
    assert found(hand, limit=2) == three[:0:-1]
    assert found(hand, limit=2, before_id=three[1]) == three[:1]


def test_a_piece_of_the_label_and_a_status_narrow(hand, three):
    assert found(hand, Wanted("PRIN")) == three[::-1]
    assert found(hand, Wanted("%")) == []
    assert found(hand, Wanted(status=DeliveryStatus.PAUSED)) == three[1:2]
    assert found(hand, Wanted("autumn", DeliveryStatus.PAUSED)) == []


def test_what_was_deleted_is_left_out(hand, three):
    hand.do(operator.steer, three[0], DeliveryEvent.CANCELLED, hand.clock.now())
    hand.do(operator.withdraw_cancelled, 100, hand.clock.now())
    hand.do(retention.delete, three[:1], "ann", hand.clock.now())
    assert found(hand) == three[:0:-1]


def test_examples_are_of_their_group(hand):
    number = hand.create()
    hand.add(number, ADDRESSES)
    hand.do(deliveries.confirm, number, hand.clock.now())

    def shown(mx_group, few=5, *, in_hand=False):
        rows = hand.ask(pending_examples.in_parts, number, mx_group, few, in_hand=in_hand)
        return [address for _, address in rows]

    assert shown("a") == ["a@a.test", "b@a.test", "c@a.test"]
    assert shown("a", 2) == ["a@a.test", "b@a.test"]
    assert shown("b", in_hand=True) == []
    author = hand.worker()
    first, _, third = hand.lease(author)
    assert shown("a") == []
    assert shown("a", in_hand=True) == ["a@a.test", "b@a.test", "c@a.test"]
    hand.settle(author, hand.outcomes(first, GREYLISTED), finished=[first])
    hand.settle(author, hand.outcomes(third, LATER), finished=[third])

    def late(mx_group, cause):
        rows = hand.ask(pending_examples.waiting_for_retry, number, mx_group, cause, 5)
        return [address for _, address in rows]

    assert late("a", Cause.GREYLISTED) == ["a@a.test", "b@a.test"]
    assert late("a", Cause.RETRY_LATER) == []
    assert late("b", Cause.RETRY_LATER) == ["d@b.test"], "its cause is not written down"
    assert shown("a", in_hand=True) == ["c@a.test"]
