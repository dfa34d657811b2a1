"""replan: queued messages follow a changed configuration, those in hand when they come back."""

from store import deliveries, leases, modules, parts, replan, settlement, tables
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


def astray(hand, delivery_id=1):
    """Queued parts whose plan was changed behind their back."""
    wrong = [parts.Made(delivery_id, "a", NEW_IPS, 0)]

    def go(tx):
        (number,) = parts.insert(tx, wrong)
        part, message = tables.part, tables.message
        tx.connection.execute(message.update().values(part_id=number))
        tx.connection.execute(part.delete().where(part.c.id != number))
        tx.connection.execute(part.update().values(size=2))

    hand.do(go)


def test_parts_that_no_plan_has_are_undone_and_cut_by_the_plan(hand):
    hand.submit(["x@a.test", "y@a.test"])
    assert hand.ask(replan.astray, 1) == []
    astray(hand)
    ways = hand.ask(replan.astray, 1)
    assert ways == [("a", "127.0.9.9")]
    assert hand.do(replan.undo, 1, ways, hand.clock.now()) == (1, 2)
    assert hand.do(replan.undo, 1, ways, hand.clock.now()) == (0, 0)
    assert hand.cut() == 2
    assert [(each.source_ips, each.size) for each in hand.queued()] == [(IPS, 2)]
    assert hand.ask(replan.astray, 1) == []


def test_a_part_in_hand_is_never_undone(hand):
    hand.submit(["x@a.test", "y@a.test"])
    astray(hand)
    (lent,) = hand.lease(hand.worker())
    assert hand.ask(replan.astray, 1) == []
    assert hand.do(replan.undo, 1, [("a", "127.0.9.9")], hand.clock.now()) == (0, 0)
    assert len(hand.ask(leases.messages_of, [lent.part_id])[lent.part_id]) == 2


def test_a_scheduler_that_lost_the_lead_changes_no_plan(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    astray(hand)
    old, new = (modules.Process("host", pid, 1) for pid in (1, 2))
    for each in (old, new):
        hand.do(modules.announce_module, modules.SCHEDULER, each, "", clock.now())
    plan = [replan.Planned(1, "main", "a.test", "z", NEW_IPS)]
    late, leads = (modules.Leader(each, clock.now()) for each in (old, new))
    assert hand.do(replan.replan, plan, clock.now(), late) == 0
    assert hand.do(replan.undo, 1, [("a", "127.0.9.9")], clock.now(), late) == (0, 0)
    (kept,) = hand.ask(replan.planned, 1)
    assert kept.mx_group == "a"
    assert hand.do(replan.undo, 1, [("a", "127.0.9.9")], clock.now(), leads) == (1, 2)
    hand.cut()
    assert hand.do(replan.replan, plan, clock.now(), leads) == 2


def test_what_is_to_be_cut_by_a_plan_that_changed_meanwhile_is_left_for_the_next_cut(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    change(hand, "a.test", "z")
    change(hand, "b.test", "y")
    due = hand.ask(parts.due, clock.now(), 10)
    cuts = [
        parts.Cut(each.delivery_id, each.mx_group, each.source_ips, [each.message_id])
        for each in due
    ]
    change(hand, "a.test", "a", IPS)
    hand.do(parts.cut, cuts, {each.message_id: each.domain for each in due})
    assert [(each.mx_group, each.size) for each in hand.queued()] == [("y", 1)]
    assert hand.cut() == 1
    assert {each.mx_group for each in hand.queued()} == {"a", "y"}


def test_a_message_that_ended_before_it_was_cut_is_counted_in_no_part(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    change(hand, "a.test", "z")
    due = hand.ask(parts.due, clock.now(), 10)
    cut = parts.Cut(1, "z", NEW_IPS, [each.message_id for each in due])
    domains = {each.message_id: each.domain for each in due}
    hand.do(parts.cut, [cut], domains)
    hand.do(parts.cut, [cut], domains)
    assert [each.size for each in hand.queued()] == [2], "the second found nothing"
