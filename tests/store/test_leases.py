"""queued, lease, leased_to, messages_of, leases, scheduling.view: who may work on what."""

import pytest

from mail.states import DeliveryEvent
from store import audit, deliveries, leases, modules, queues, scheduling, settlement
from tests.store.hand import DAY, IPS, LEASE


def test_parts_wait_in_the_order_they_were_made(hand):
    first = hand.submit(["1@a.test", "2@b.test", "3@a.test", "4@a.test"])
    second = hand.submit(["5@a.test"])
    found = hand.queued()
    assert [(each.delivery_id, each.mx_group, each.size) for each in found] == [
        (first, "a", 2),
        (first, "a", 1),
        (first, "b", 1),
        (second, "a", 1),
    ]
    assert [each.part_id for each in found] == sorted(each.part_id for each in found)
    assert {(each.affinity, each.priority, each.source_ips) for each in found} == {("main", 0, IPS)}


def test_of_each_delivery_and_group_only_the_first_parts_are_looked_at(hand):
    hand.submit([f"{n}@a.test" for n in range(8)])
    hand.submit([f"{n}@{domain}.test" for n in range(8) for domain in "ab"])
    found = [(each.delivery_id, each.mx_group) for each in hand.queued(per_way=2)]
    assert found == [(1, "a"), (1, "a"), (2, "a"), (2, "a"), (2, "b"), (2, "b")]
    assert len(hand.queued(per_way=4)) == 12


def test_nothing_is_sent_before_its_contact_date_or_at_the_end_of_its_validity(hand, clock):
    hand.submit(["x@a.test"], wait=60.0, validity=120.0)
    assert hand.queued() == []
    clock.advance(60.0)
    assert len(hand.queued()) == 1
    clock.advance(60.0)
    assert hand.queued() == []


def test_a_paused_delivery_is_left_alone_until_it_is_resumed(hand, clock):
    delivery_id = hand.submit()
    hand.do(deliveries.advance, delivery_id, DeliveryEvent.PAUSED, clock.now(), "lunch")
    assert hand.queued() == []
    assert [each.messages for each in hand.ask(queues.waiting)] == [2]
    hand.do(deliveries.advance, delivery_id, DeliveryEvent.RESUMED, clock.now())
    assert len(hand.queued()) == 1
    texts = [each.text for each in hand.ask(audit.entries, delivery_id=delivery_id)]
    assert texts[-2:] == ["start_pending → paused: lunch", "paused → start_pending"]


def test_a_lease_says_all_that_a_worker_needs(hand, clock):
    delivery_id = hand.submit(["x@a.test", "y@a.test"], validity=2 * DAY)
    author = hand.worker()
    (lent,) = hand.lease(author, lane="127.0.1.1/a")
    assert lent == leases.LeasedPart(
        part_id=1,
        epoch=1,
        delivery_id=delivery_id,
        affinity="main",
        mx_group="a",
        source_ip=IPS[0],
        lane="127.0.1.1/a",
        size=2,
        leased_until=clock.now() + LEASE,
        expires_at=clock.now() + 2 * DAY,
        tat=None,
    )
    assert hand.ask(leases.messages_of, [1]) == {
        1: [
            leases.PartMessage(1, "x@a.test", "a.test", '{"address":"x@a.test"}', 0),
            leases.PartMessage(2, "y@a.test", "a.test", '{"address":"y@a.test"}', 0),
        ]
    }
    assert hand.ask(leases.leases) == [
        leases.Lease(1, 1, author.worker_id, "127.0.1.1/a", 2, clock.now() + LEASE)
    ]
    assert hand.queued() == []


def test_only_what_is_queued_can_be_lent(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(4)])
    first, second = hand.worker(), hand.worker()
    grants = hand.grants(first)
    now = clock.now()
    assert hand.do(leases.lease, grants[:1], now, now + LEASE) == 1
    late = [
        leases.Grant(each.part_id, each.delivery_id, second.worker_id, IPS[1], "lane")
        for each in grants
    ]
    assert hand.do(leases.lease, late, now, now + LEASE) == 1
    assert [each.part_id for each in hand.ask(leases.leased_to, first.worker_id)] == [1]
    assert [each.part_id for each in hand.ask(leases.leased_to, second.worker_id)] == [2]
    assert hand.do(leases.lease, [leases.Grant(99, 1, 1, IPS[0], "lane")], now, now) == 0
    assert hand.do(leases.lease, [], now, now) == 0


def test_a_part_is_lent_once_however_often_it_is_granted_at_once(hand, clock):
    hand.submit(["x@a.test"])
    first, second = hand.worker(), hand.worker()
    grants = [*hand.grants(first), *hand.grants(second)]
    assert hand.do(leases.lease, grants, clock.now(), clock.now() + LEASE) == 1
    assert hand.ask(leases.leased_to, second.worker_id) == []


def test_the_epoch_grows_with_each_lease(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    epochs = []
    for _ in range(3):
        (lent,) = hand.lease(author)
        epochs.append(lent.epoch)
        hand.settle(author, released=[lent])
    assert epochs == [1, 2, 3]


def test_a_delivery_starts_with_its_first_lease_and_only_then(hand, clock):
    delivery_id = hand.submit([f"{n}@a.test" for n in range(4)])
    author = hand.worker()
    started_at = clock.now()
    one, two = hand.grants(author)
    hand.do(leases.lease, [one], started_at, started_at + LEASE)
    clock.advance(10.0)
    hand.do(leases.lease, [two], clock.now(), clock.now() + LEASE)

    found = hand.ask(deliveries.get, delivery_id)
    assert (found.status, found.started_at) == ("in_progress", started_at)
    texts = [each.text for each in hand.ask(audit.entries, delivery_id=delivery_id)]
    assert texts.count("start_pending → in_progress") == 1


def test_a_resumed_delivery_keeps_the_time_of_its_start(hand, clock):
    delivery_id = hand.submit(["x@a.test"])
    author = hand.worker()
    started_at = clock.now()
    (lent,) = hand.lease(author)
    hand.settle(author, released=[lent])
    for event in (DeliveryEvent.PAUSED, DeliveryEvent.RESUMED):
        clock.advance(5.0)
        hand.do(deliveries.advance, delivery_id, event, clock.now())
    hand.lease(author)
    assert hand.ask(deliveries.get, delivery_id).started_at == started_at


def test_a_worker_claims_first_what_was_lent_first(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(6)])
    author = hand.worker()
    one, two, three = hand.grants(author)
    for grants in ([three], [one, two]):
        hand.do(leases.lease, grants, clock.now(), clock.now() + LEASE)
        clock.advance(1.0)
    assert [each.part_id for each in hand.ask(leases.leased_to, author.worker_id)] == [3, 1, 2]


def test_the_scheduler_sees_queue_workers_leases_and_lanes_together(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(6)])
    author, idle = hand.worker(), hand.worker("m2")
    grants = hand.grants(author, lane="l1")
    hand.do(leases.lease, grants[:2], clock.now(), clock.now() + LEASE)
    hand.settle(author, tats={"l1": 12.5})

    view = hand.ask(scheduling.view, clock.now(), 10)

    assert [each.part_id for each in view.queued] == [3]
    assert [each.id for each in view.workers] == [author.worker_id, idle.worker_id]
    assert view.leases == [scheduling.HeldOnLane(author.worker_id, "l1", 4)]
    assert view.lanes == {"l1": scheduling.LaneState(12.5, None)}
    in_hand = hand.ask(queues.in_hand)
    assert in_hand == [queues.InHand(1, "l1", IPS[0], author.worker_id, 2, 4)]


def test_with_nothing_queued_the_scheduler_reads_nothing_else(hand, clock):
    hand.worker()
    assert hand.ask(scheduling.view, clock.now(), 10) == scheduling.View([], [], [], {})


@pytest.mark.parametrize("count", [1, 1200])
def test_many_parts_are_lent_in_one_go(hand, clock, count):
    hand.submit([f"{n}@a.test" for n in range(count)], part_size=1)
    author = hand.worker()
    assert len(hand.lease(author)) == count


def test_a_worker_that_was_told_to_stop_is_lent_nothing_and_leaves_nothing_behind(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    author, other = hand.worker(), hand.worker()
    grants = hand.grants(author)
    assert hand.do(leases.lease, grants[:1], clock.now(), clock.now() + 9) == 1
    hand.do(modules.stop_taking, author.worker_id)
    assert [each.id for each in hand.ask(modules.takers)] == [other.worker_id]
    assert hand.do(leases.lease, grants[1:], clock.now(), clock.now() + 9) == 0
    assert hand.do(modules.beat_worker, author.worker_id, 1, [], clock.now(), clock.now() + 9)
    hand.do(settlement.leave, author, clock.now())
    assert hand.ask(modules.live_workers) == hand.ask(modules.takers)
    assert len(hand.queued()) == 2


def test_a_scheduler_that_was_replaced_lends_nothing(hand, clock):
    hand.submit(["x@a.test"])
    grants = hand.grants(hand.worker())
    first, second = modules.Process("host", 1, 1), modules.Process("host", 2, 1)
    for each, since in ((first, 1.0), (second, 2.0)):
        hand.do(modules.announce_module, modules.SCHEDULER, each, "", since)
    until = clock.now() + 9
    assert hand.do(leases.lease_as_leader, first, 1.0, grants, clock.now(), until) == 0
    assert hand.do(leases.lease_as_leader, second, 2.0, grants, clock.now(), until) == 1
