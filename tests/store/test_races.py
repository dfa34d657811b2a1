"""Two writers at once: what one decides from what it read still holds when it commits."""

import threading

import pytest

from mail.reason import FailureType, Reason
from store import address_search, addresses, halts, parts, replan, settlement
from store.schema import open_store
from tests.store.hand import IPS

NEW = ("127.0.9.9",)


@pytest.fixture
def rival(store_url, store):
    """Another program on the same store."""
    other = open_store(store_url)
    yield other
    other.close()


def while_in(store, operation, meanwhile):
    """Run ``operation`` in a transaction, and ``meanwhile`` in a thread before it commits."""

    def both(tx):
        operation(tx)
        thread.start()
        thread.join(0.5)  # either it is through, or it waits for us

    thread = threading.Thread(target=meanwhile)
    store.write_now(both)
    thread.join(20)
    assert not thread.is_alive()


def plan(delivery_id):
    return [replan.Planned(delivery_id, "main", "a.test", "z", NEW)]


def test_a_part_that_comes_back_while_its_plan_changes_is_cut_anew(hand, store, rival, clock):
    delivery_id = hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    report = settlement.Settlement(released=[(lent.part_id, lent.epoch)])
    while_in(
        store,
        lambda tx: settlement.settle(tx, author, report, clock.now()),
        lambda: rival.write_now(replan.replan, plan(delivery_id), clock.now()),
    )
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW)]


def test_and_so_is_one_that_comes_back_before_the_change_commits(hand, store, rival, clock):
    delivery_id = hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    report = settlement.Settlement(released=[(lent.part_id, lent.epoch)])
    while_in(
        store,
        lambda tx: replan.replan(tx, plan(delivery_id), clock.now()),
        lambda: rival.write_now(settlement.settle, author, report, clock.now()),
    )
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW)]
    assert IPS != NEW


def planned_twice(hand, clock):
    """A delivery whose message is due to be cut by a plan, and how it is cut."""
    delivery_id = hand.submit(["x@a.test"])
    first = [replan.Planned(delivery_id, "main", "a.test", "y", IPS)]
    hand.do(replan.replan, first, clock.now())
    (due,) = hand.ask(parts.due, clock.now(), 10)
    cut = parts.Cut(delivery_id, due.mx_group, due.source_ips, [due.message_id])
    return delivery_id, ([cut], {due.message_id: due.domain})


def test_a_cut_while_its_plan_changes_leaves_no_part_of_the_old_one(hand, store, rival, clock):
    delivery_id, cut = planned_twice(hand, clock)
    while_in(
        store,
        lambda tx: replan.replan(tx, plan(delivery_id), clock.now()),
        lambda: rival.write_now(parts.cut, *cut),
    )
    assert hand.ask(replan.astray, delivery_id) == []
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW)]


def test_nor_does_one_that_began_before_the_change(hand, store, rival, clock):
    delivery_id, cut = planned_twice(hand, clock)
    while_in(
        store,
        lambda tx: parts.cut(tx, *cut),
        lambda: rival.write_now(replan.replan, plan(delivery_id), clock.now()),
    )
    assert hand.ask(replan.astray, delivery_id) == []
    hand.cut()
    assert [(each.mx_group, each.source_ips) for each in hand.queued()] == [("z", NEW)]


def test_a_soft_error_does_not_undo_a_quarantine_that_it_did_not_see(store, rival, clock, hand):
    def error(failure):
        return [addresses.AddressError("x@a.test", failure, Reason.REFUSED, "", 1, clock.now())]

    while_in(
        store,
        lambda tx: addresses.count_errors(tx, error(FailureType.HARD)),
        lambda: rival.write_now(addresses.count_errors, error(FailureType.SOFT)),
    )
    (found,) = hand.ask(address_search.find, address_search.Selection())
    assert found.status == "quarantined"


def test_two_who_stop_an_instance_at_once_stop_it_once(store, rival, clock):
    answers = []

    def stop(by, into):
        return lambda tx: into.append(halts.halt(tx, "m1", by, clock.now()))

    while_in(store, stop("anna", answers), lambda: rival.write_now(stop("bert", answers)))
    assert answers == [True, False]
    assert store.read_now(halts.halts)["m1"].by == "anna"
