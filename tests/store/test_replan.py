"""replan: queued messages follow a changed configuration, those in hand when they come back."""

from store import deliveries, leases, parts, replan, settlement, tables
from tests.store.hand import DEFERRED, IPS

NEW_IPS = ("127.0.9.9",)


def change(hand, domain, group, source_ips=NEW_IPS, delivery_id=1):
    plan = replan.Planned(delivery_id, "main", domain, group, source_ips)
    return hand.do(replan.replan, [plan], hand.clock.now())


def test_queued_messages_are_due_at_once_and_cut_by_the_new_plan(hand):
    hand.submit([f"{n}@a.test" for n in range(3)])
    assert change(hand, "a.test", "z") == 3
    assert hand.queued() == []
    assert hand.count(tables.part) == 0
    assert hand.cut() == 3
    found = [(each.mx_group, each.source_ips, each.size) for each in hand.queued()]
    assert found == [("z", NEW_IPS, 2), ("z", NEW_IPS, 1)]
    assert {each.mx_group for each in hand.messages()} == {"z"}
    (planned,) = hand.ask(replan.planned, 1)
    assert (planned.mx_group, planned.source_ips) == ("z", NEW_IPS)


def test_only_the_domain_that_changed_is_planned_anew(hand):
    hand.submit(["1@a.test", "2@b.test", "3@a.test"])
    hand.submit(["4@a.test"])
    assert change(hand, "a.test", "z") == 2
    assert [(each.delivery_id, each.mx_group) for each in hand.queued()] == [(1, "b"), (2, "a")]


def test_a_part_of_two_domains_keeps_the_messages_of_the_other(hand, clock):
    delivery_id = hand.create()
    new = [parts.NewMessage(f"x@{domain}", domain, "{}") for domain in ("a.test", "b.test")]
    hand.do(parts.add, delivery_id, [parts.NewPart("shared", IPS, new)], clock.now())
    hand.do(deliveries.confirm, delivery_id, clock.now())
    assert change(hand, "a.test", "z") == 1
    (left,) = hand.queued()
    assert (left.mx_group, left.size) == ("shared", 1)


def test_a_retry_keeps_its_time(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=60.0), finished=[lent])
    due_at = clock.now() + 60.0
    assert change(hand, "a.test", "z") == 0
    (message,) = hand.messages()
    assert (message.mx_group, message.next_attempt_at) == ("z", due_at)
    clock.advance(60.0)
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW_IPS)]


def test_a_part_in_hand_is_undone_when_it_comes_back(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    assert change(hand, "a.test", "z") == 0
    assert hand.ask(leases.leased_to, author.worker_id) == [lent]
    hand.settle(author, hand.outcomes(lent)[:1], released=[lent])
    assert hand.queued() == []
    assert hand.count(tables.part) == 0
    assert hand.cut() == 1
    (waiting,) = hand.queued()
    assert (waiting.mx_group, waiting.source_ips, waiting.size) == ("z", NEW_IPS, 1)


def test_so_it_is_when_it_is_taken_back(hand, clock):
    hand.submit(["x@a.test"])
    (lent,) = hand.lease(hand.worker())
    change(hand, "a.test", "a")  # the same group by other source IPs
    hand.do(settlement.reclaim, [(lent.part_id, lent.epoch)], {}, clock.now())
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("a", NEW_IPS)]


def test_a_plan_that_changed_back_leaves_the_part_whole(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    change(hand, "a.test", "z")
    change(hand, "a.test", "a", IPS)
    hand.settle(author, released=[lent])
    assert [each.part_id for each in hand.queued()] == [lent.part_id]


def test_a_deferral_in_hand_is_cut_by_the_new_plan(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    change(hand, "a.test", "z")
    hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=5.0), finished=[lent])
    clock.advance(5.0)
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW_IPS)]


def test_deliveries_that_are_over_are_not_planned(hand, clock):
    hand.submit(["x@a.test"], validity=10.0)
    kept = hand.submit(["x@a.test"])
    clock.advance(10.0)
    hand.expire()
    hand.do(deliveries.finish_complete, clock.now())
    assert hand.ask(replan.standing) == [(kept, 0)]
