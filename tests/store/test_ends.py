"""expire, finish_complete and apply: how waiting ends without an attempt."""

import pytest

from mail.errors import IllegalTransition
from mail.reason import Reason
from mail.states import DeliveryEvent, MessageEvent, MessageStatus
from scheduler.decide.expire import expiry_event
from store import deliveries, expiry, leases, tables, transitions
from tests.store.hand import DEFERRED, UNKNOWN_USER

VALIDITY = 100.0


def deferred_and_untried(hand, **of_delivery):
    """A delivery of two messages: x was deferred once, y is still in its part."""
    delivery_id = hand.submit(["x@a.test", "y@a.test"], validity=VALIDITY, **of_delivery)
    author = hand.worker()
    (lent,) = hand.lease(author)
    outcomes = hand.outcomes(lent, DEFERRED, retry_in=60.0)[:1]
    hand.settle(author, outcomes, released=[lent])
    return delivery_id


def standing(hand, *message_ids):
    return [
        transitions.Standing(each.id, each.delivery_id, each.status, each.attempts)
        for each in hand.messages()
        if not message_ids or each.id in message_ids
    ]


def test_what_was_tried_fails_and_what_was_not_is_cancelled(hand, clock):
    deferred_and_untried(hand)
    clock.advance(VALIDITY - 1)
    assert hand.expire() == 0
    clock.advance(1)
    assert hand.expire() == 2
    assert hand.statuses() == ["failed", "cancelled"]
    assert {each.reason for each in hand.messages()} == {Reason.EXPIRED}
    ends = hand.transitions(reason=Reason.EXPIRED)
    assert {(each.message_id, each.event, each.attempt, each.text) for each in ends} == {
        (1, "expired_tried", 1, "validity period has passed"),
        (2, "expired_untried", 0, "validity period has passed"),
    }
    assert hand.expire() == 0


@pytest.mark.parametrize(
    "events",
    [
        [],
        [DeliveryEvent.PAUSED],
        [DeliveryEvent.PAUSED, DeliveryEvent.RESUMED],
    ],
    ids=["in progress", "paused", "resumed"],
)
def test_waiting_ends_whatever_the_delivery_is_doing(hand, clock, events):
    delivery_id = deferred_and_untried(hand)
    for event in events:
        hand.do(deliveries.advance, delivery_id, event, clock.now())
    clock.advance(VALIDITY)
    assert hand.expire() == 2
    assert hand.do(deliveries.finish_complete, clock.now()) == [delivery_id]
    assert hand.delivery_status(delivery_id) == "finished"
    assert hand.count(tables.part) == 0


def test_a_delivery_that_never_started_expires_too(hand, clock):
    delivery_id = hand.submit(validity=VALIDITY)
    clock.advance(VALIDITY)
    assert hand.expire() == 2
    assert hand.statuses() == ["cancelled", "cancelled"]
    hand.do(deliveries.finish_complete, clock.now())
    found = hand.ask(deliveries.get, delivery_id)
    assert (found.status, found.started_at, found.finished_at) == ("finished", None, clock.now())


def test_a_delivery_that_is_being_written_does_not_expire(hand, clock):
    delivery_id = hand.create(validity=VALIDITY)
    hand.add(delivery_id, ["x@a.test"])
    clock.advance(VALIDITY)
    assert hand.expire() == 0


def test_what_a_worker_holds_expires_when_it_comes_back(hand, clock):
    hand.submit(["x@a.test", "y@a.test"], validity=VALIDITY)
    author = hand.worker()
    (lent,) = hand.lease(author)
    clock.advance(VALIDITY)
    assert hand.expire() == 0
    hand.settle(author, hand.outcomes(lent)[:1])
    assert hand.expire() == 0
    hand.settle(author, released=[lent])
    assert hand.queued() == []
    assert hand.expire() == 1
    assert hand.statuses() == ["sent", "cancelled"]


def test_what_is_deferred_past_its_end_expires(hand, clock):
    hand.submit(["x@a.test"], validity=VALIDITY)
    author = hand.worker()
    (lent,) = hand.lease(author)
    clock.advance(VALIDITY)
    hand.settle(author, hand.outcomes(lent, DEFERRED), finished=[lent])
    assert hand.expire() == 1
    assert hand.statuses() == ["failed"]


def test_many_expire_a_few_at_a_time(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(7)], validity=VALIDITY)
    hand.submit([f"{n}@a.test" for n in range(3)])
    clock.advance(VALIDITY)
    assert [hand.expire_some(3) for _ in range(4)] == [3, 3, 1, 0]
    assert hand.statuses(delivery_id=2) == ["pending"] * 3


def test_a_delivery_with_something_pending_does_not_finish(hand, clock):
    delivery_id = deferred_and_untried(hand)
    assert hand.do(deliveries.finish_complete, clock.now()) == []
    assert hand.delivery_status(delivery_id) == "in_progress"


def test_finishing_leaves_a_part_with_the_worker_that_keeps_its_lane_by_it(hand, clock):
    delivery_id = hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent))
    assert hand.do(deliveries.finish_complete, clock.now()) == [delivery_id]
    assert hand.ask(leases.leased_to, author.worker_id) == [lent]
    hand.settle(author, finished=[lent])
    assert hand.count(tables.part) == 0
    assert hand.delivery_status(delivery_id) == "finished"


def test_a_bounce_that_came_later_turns_sent_into_failed(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent), finished=[lent])
    changed = hand.do(
        transitions.apply,
        standing(hand, 1),
        MessageEvent.BOUNCED_LATER,
        clock.now(),
        reason=Reason.MAILBOX_FULL,
        text="5.2.2 full",
        extra={"failure": "soft"},
    )
    assert changed == 1
    assert hand.statuses() == ["failed", "sent"]
    assert (hand.messages()[0].reason, hand.messages()[0].failure) == (Reason.MAILBOX_FULL, "soft")


@pytest.mark.parametrize("wait", [None, 60.0])
def test_a_failed_message_that_is_retried_by_hand_is_sent_again(hand, clock, wait):
    delivery_id = hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, UNKNOWN_USER), finished=[lent])
    hand.do(deliveries.finish_complete, clock.now())

    extra = None if wait is None else {"next_attempt_at": clock.now() + wait}
    hand.do(
        transitions.apply,
        standing(hand, 2),
        MessageEvent.RETRIED_BY_HAND,
        clock.now(),
        text="try again",
        extra=extra,
    )
    hand.do(deliveries.advance, delivery_id, DeliveryEvent.REOPENED, clock.now())
    assert hand.ask(deliveries.get, delivery_id).counts == {"failed": 1, "pending": 1}
    if wait is not None:
        assert hand.cut() == 0
        clock.advance(wait)
    assert hand.cut() == 1
    (again,) = hand.lease(author)
    (outcome,) = hand.outcomes(again)
    assert (outcome.message_id, outcome.attempt) == (2, 2)
    hand.settle(author, [outcome], finished=[again])
    assert hand.do(deliveries.finish_complete, clock.now()) == [delivery_id]
    assert hand.statuses() == ["failed", "sent"]


def test_withdrawn_messages_leave_their_parts(hand, clock):
    hand.submit(["x@a.test", "y@b.test"], part_size=1)

    def withdraw(tx):
        change = MessageEvent.WITHDRAWN
        transitions.apply(tx, standing_now, change, clock.now(), reason=Reason.WITHDRAWN)
        return deliveries.finish_complete(tx, clock.now())

    standing_now = standing(hand)
    assert hand.do(withdraw) == [1]
    assert hand.statuses() == ["cancelled", "cancelled"]
    assert {each.part_id for each in hand.messages()} == {None}


def test_an_illegal_change_raises_and_changes_nothing(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent)[:1], released=[lent])
    before = hand.everything()
    with pytest.raises(IllegalTransition, match="sent cannot be excluded"):
        hand.do(transitions.apply, standing(hand)[::-1], MessageEvent.EXCLUDED, clock.now())
    assert hand.everything() == before


def test_so_does_an_illegal_change_late_in_a_transaction(hand, clock):
    delivery_id = hand.submit(["x@a.test"])

    def expire_and_start_twice(tx):
        expiry.expire(tx, 9e9, 10, expiry_event)
        deliveries.advance(tx, delivery_id, DeliveryEvent.STARTED, clock.now())
        deliveries.advance(tx, delivery_id, DeliveryEvent.STARTED, clock.now())

    before = hand.everything()
    with pytest.raises(IllegalTransition, match="in_progress cannot be started"):
        hand.do(expire_and_start_twice)
    assert hand.everything() == before


def test_a_message_that_is_not_as_it_was_read_stops_everything(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    before = hand.everything()
    bounced = [transitions.Standing(1, 1, MessageStatus.SENT, 0)]
    with pytest.raises(AssertionError, match="statuses changed between"):
        hand.do(transitions.apply, bounced, MessageEvent.BOUNCED_LATER, clock.now())
    assert hand.everything() == before


def test_nothing_to_change_changes_nothing(hand, clock):
    before = hand.everything()
    assert hand.do(transitions.apply, [], MessageEvent.EXCLUDED, clock.now()) == 0
    assert hand.everything() == before
