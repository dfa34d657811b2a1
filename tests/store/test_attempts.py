"""How long attempts waited and took, as the store remembers it."""

import pytest

from store.attempts import attempts
from tests.store.hand import ACCEPTED, DEFERRED


def test_each_answered_attempt_waited_since_it_was_due(hand, clock):
    hand.submit(["x@a.test"])
    queued = clock.now()
    author = hand.worker()
    (lent,) = hand.lease(author)
    clock.advance(2.0)
    hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=10.0), finished=[lent])
    clock.advance(13.0)
    hand.cut()
    (again,) = hand.lease(author)
    hand.settle(author, hand.outcomes(again, ACCEPTED), finished=[again])

    found = hand.ask(attempts, queued)
    assert list(found.transmit_s) == [0.0125, 0.0125]
    assert list(found.queued_s) == pytest.approx([1.9875, 2.9875])
    assert found.accepted_bytes == 4096, "what was deferred did not arrive"


def test_what_was_answered_before_is_left_out_and_nothing_waits_before_it_is_queued(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    author = hand.worker()
    first, second = hand.lease(author)
    hand.settle(author, hand.outcomes(first), finished=[first])
    clock.advance(5.0)
    since = clock.now()
    clock.advance(1.0)
    hand.settle(author, hand.outcomes(second), finished=[second])
    found = hand.ask(attempts, since)
    assert list(found.queued_s) == pytest.approx([0.9875])


def test_what_only_ran_out_of_time_was_no_attempt(hand, clock):
    hand.submit(["x@a.test"], validity=10.0)
    clock.advance(20.0)
    assert hand.expire() == 1
    found = hand.ask(attempts, 0.0)
    assert (list(found.queued_s), found.accepted_bytes) == ([], 0)
