"""reclaim and bury: leases whose holder is gone, and the worker that was only late."""

from store import audit, leases, log, modules, scheduling, settlement, tables
from store.transitions import Recorded
from tests.store.hand import ACCEPTED, DEFERRED, LEASE


def reclaim(hand, *lent, tats=None):
    stale = [(each.part_id, each.epoch) for each in lent]
    return hand.do(settlement.reclaim, stale, tats or {}, hand.clock.now())


def bury(hand, author, outcomes=(), worst=lambda lane, until: None):
    return hand.do(settlement.bury, author, outcomes, worst, hand.clock.now())


def stored_tats(hand):
    return {row.key: row.tat for row in hand.everything()["lane"]}


def test_a_part_that_is_taken_back_is_lent_anew_under_a_higher_epoch(hand):
    hand.submit(["x@a.test", "y@a.test", "z@a.test"], part_size=3)
    author, other = hand.worker(), hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent)[:1])
    assert reclaim(hand, lent) == 1
    (waiting,) = hand.queued()
    assert waiting.size == 2
    (again,) = hand.lease(other)
    assert again.part_id == lent.part_id
    assert again.epoch > lent.epoch


def test_a_lease_that_ended_in_time_is_not_taken_back(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, released=[lent])
    before = hand.everything()
    assert reclaim(hand, lent) == 0
    assert hand.everything() == before
    (again,) = hand.lease(author)
    assert reclaim(hand, lent) == 0
    assert hand.ask(leases.leased_to, author.worker_id) == [again]


def test_the_late_report_of_a_lost_lease_writes_nothing_at_all(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author, lane="l1")
    late = hand.outcomes(lent, DEFERRED)
    reclaim(hand, lent, tats={"l1": 500.0})
    before = hand.everything()
    tats = {"l1": 100.0}
    assert hand.settle(author, late, finished=[lent], tats=tats) == Recorded(0, 0, 2)
    assert hand.settle(author, late, released=[lent], tats=tats) == Recorded(0, 0, 2)
    assert hand.everything() == before


def test_nor_does_it_when_the_same_worker_holds_the_part_again(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    late = hand.outcomes(lent)
    reclaim(hand, lent)
    (again,) = hand.lease(author)
    assert hand.settle(author, late, finished=[lent]) == Recorded(0, 0, 1)
    assert hand.ask(leases.leased_to, author.worker_id) == [again]
    assert hand.settle(author, hand.outcomes(again), finished=[again]) == Recorded(1, 0, 0)


def test_a_part_whose_messages_are_all_answered_is_not_queued_again(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent))
    assert reclaim(hand, lent) == 1
    assert hand.count(tables.part) == 0


def test_of_two_limiter_states_the_later_one_stands(hand):
    hand.submit(["x@a.test", "y@b.test", "z@c.test"])
    author = hand.worker()
    one, two, three = hand.lease(author, lane="l1")
    hand.settle(author, tats={"l1": 100.0})
    reclaim(hand, one, tats={"l1": 90.0, "l2": 5.0})
    assert stored_tats(hand) == {"l1": 100.0, "l2": 5.0}
    reclaim(hand, two, three, tats={"l1": 110.0})
    assert stored_tats(hand) == {"l1": 110.0, "l2": 5.0}


def test_the_journal_of_a_dead_worker_is_replayed_before_its_parts_are_taken(hand):
    hand.submit([f"{n}@a.test" for n in range(4)])
    author, other = hand.worker(), hand.worker()
    first, second = hand.lease(author)
    committed = hand.outcomes(first)[:1]
    hand.settle(author, committed)
    journal = [*committed, *hand.outcomes(first, DEFERRED), *hand.outcomes(second)[:1]]

    assert bury(hand, author, journal) == Recorded(written=2, known=1, fenced=0)

    assert hand.statuses() == ["sent", "pending", "sent", "pending"]
    assert [(each.part_id, each.size) for each in hand.queued()] == [(second.part_id, 1)]
    states = {each.id: each.state for each in hand.ask(modules.all_workers)}
    assert states == {author.worker_id: modules.DEAD, other.worker_id: modules.ALIVE}
    assert [each.id for each in hand.ask(modules.live_workers)] == [other.worker_id]
    last = hand.ask(audit.entries)[-1]
    assert (last.level, last.delivery_id) == ("warning", None)
    assert last.text == (
        "worker 1 of mta@m1 is gone: 2 outcomes replayed from its journal, 2 parts taken back"
    )


def test_a_worker_is_buried_once(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    journal = hand.outcomes(lent)
    assert bury(hand, author, journal) == Recorded(1, 0, 0)
    before = hand.everything()
    assert bury(hand, author, journal) is None
    assert hand.everything() == before


def test_the_buried_may_not_write_any_more(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    late = hand.outcomes(lent)
    bury(hand, author)
    before = hand.everything()
    assert not hand.do(modules.beat_worker, author.worker_id, 1, [lent.part_id], clock.now(), 9e9)
    assert hand.settle(author, late, finished=[lent]) == Recorded(0, 0, 1)
    assert hand.everything() == before


def test_its_limited_lanes_count_as_used_up(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(4)])
    author = hand.worker()
    one, two = hand.grants(author, lane="limited")
    now = clock.now()
    hand.do(leases.lease, [one], now, now + LEASE)
    hand.do(leases.lease, [two], now, now + 2 * LEASE)
    clock.advance(LEASE * 1.5)
    bury(hand, author, worst=lambda lane, until: until + 100.0 if lane == "limited" else None)
    other = hand.worker()
    assert {each.tat for each in hand.lease(other, lane="limited")} == {clock.now() + 100.0}
    assert {each.tat for each in hand.ask(leases.leased_to, author.worker_id)} == set()


def test_two_attempts_by_two_workers_are_told_apart(hand):
    hand.submit(["x@a.test"])
    author, other = hand.worker(), hand.worker("m2")
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=0.0), finished=[lent])
    hand.cut()
    (again,) = hand.lease(other)
    hand.settle(other, hand.outcomes(again, ACCEPTED), finished=[again])
    _, changes = hand.ask(log.message, 1)
    assert [(each.mta, each.worker_id, each.attempt) for each in changes] == [
        ("m1", author.worker_id, 1),
        ("m2", other.worker_id, 2),
    ]


def test_a_worker_that_was_heard_since_it_was_looked_at_is_not_buried(hand, clock):
    author = hand.worker()
    looked_at = clock.now()
    clock.advance(5)
    hand.do(modules.beat_worker, author.worker_id, 1, [], clock.now(), clock.now() + 15)
    none = hand.do(settlement.bury, author, [], lambda *_: None, clock.now(), heard_at=looked_at)
    assert none is None
    assert [each.id for each in hand.ask(modules.live_workers)] == [author.worker_id]


def test_what_was_committed_though_its_answer_was_lost_is_known_and_not_fenced(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    outcomes = hand.outcomes(lent)
    assert hand.settle(author, outcomes, finished=[lent]) == Recorded(1, 0, 0)
    assert hand.settle(author, outcomes, finished=[lent]) == Recorded(0, 1, 0)
    assert hand.settle(hand.worker(), outcomes, finished=[lent]) == Recorded(0, 0, 1)


def test_one_that_has_not_been_heard_for_a_while_is_given_nothing(hand, clock):
    hand.submit(["x@a.test"])
    hand.worker()
    late = hand.worker()
    clock.advance(8)
    hand.do(modules.beat_worker, late.worker_id, 1, [], clock.now(), clock.now() + 15)
    view = hand.ask(scheduling.view, clock.now(), 9, clock.now() - 7.5)
    assert [each.id for each in view.workers] == [late.worker_id]
