"""What measurements fill a store with is what the product's own operations would have left."""

from tests.measure.backlog import Backlog, fill
from tests.store import invariants


def plan(_affinity, domain):
    return domain.partition(".")[0], ("127.0.1.1", "127.0.1.2")


def test_a_filled_store_keeps_all_invariants(hand, store, clock):
    fill(store, Backlog(queued=700, deferred=130, finished=90, deliveries=3), plan, clock.now())
    invariants.check(store)
    assert sorted(hand.statuses()) == ["pending"] * 830 + ["sent"] * 90
    assert [hand.delivery_status(each) for each in (3, 6, 9)] == [
        "finished",
        "in_progress",
        "start_pending",
    ]


def test_and_is_worked_off_as_any_other(hand, store, clock):
    fill(store, Backlog(queued=60, deferred=30, deliveries=2), plan, clock.now())
    author = hand.worker()
    clock.advance(3600.0)
    while hand.cut():
        pass
    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent), finished=[lent])
    assert hand.finish() == [1, 2, 3, 4]
    assert set(hand.statuses()) == {"sent"}
