"""What queued mail is planned with, and how much of it is pending, by domain."""

from mail.states import DeliveryEvent
from store import operator, plans
from store.replan import Planned
from tests.store.hand import DEFERRED, IPS, UNKNOWN_USER


def pending(hand, **wanted):
    return hand.ask(plans.pending_by_domain, {1: wanted.get("domains", ["a.test", "b.test"])})


def test_plans_of_deliveries_that_are_not_over(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    paused = hand.submit(["x@b.test"])
    hand.do(operator.steer, paused, DeliveryEvent.PAUSED, clock.now())
    gone = hand.submit(["x@a.test"])
    hand.do(operator.steer, gone, DeliveryEvent.CANCELLED, clock.now())
    assert hand.ask(plans.every) == [
        Planned(1, "main", "a.test", "a", IPS),
        Planned(1, "main", "b.test", "b", IPS),
        Planned(paused, "main", "b.test", "b", IPS),
    ]
    assert hand.ask(plans.pending) == {1: 2, paused: 1}


def test_what_nothing_happened_to_is_counted_by_the_counters(hand):
    hand.submit([f"{n}@a.test" for n in range(3)] + ["x@b.test"])
    assert pending(hand) == {(1, "a.test"): 3, (1, "b.test"): 1}
    assert pending(hand, domains=["b.test", "c.test"]) == {(1, "b.test"): 1, (1, "c.test"): 0}


def test_only_what_is_pending_counts_wherever_it_is(hand):
    hand.submit([f"{n}@a.test" for n in range(4)] + ["x@b.test"])
    author = hand.worker()
    first, second, third = hand.lease(author)
    hand.settle(author, hand.outcomes(first, DEFERRED), finished=[first])
    hand.settle(author, hand.outcomes(second, UNKNOWN_USER), finished=[second])
    assert pending(hand) == {(1, "a.test"): 2, (1, "b.test"): 1}, "deferred, and in hand"
    hand.settle(author, hand.outcomes(third), finished=[third])
    assert pending(hand) == {(1, "a.test"): 2, (1, "b.test"): 0}


def test_duplicates_are_not_pending(hand):
    hand.submit(["x@a.test", "x@a.test", "y@b.test"])
    assert pending(hand) == {(1, "a.test"): 1, (1, "b.test"): 1}


def test_no_wish_no_answer(hand):
    hand.submit()
    assert hand.ask(plans.pending_by_domain, {}) == {}
