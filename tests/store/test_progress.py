"""Which deliveries count as in progress, and whose turn it is to start."""

from affinity.waves import Wave
from store import deliveries, parts, progress, waves
from tests.store.hand import ACCEPTED, DEFERRED, IPS


def running(hand):
    return [each.delivery_id for each in hand.ask(progress.running)]


def test_a_delivery_counts_while_it_has_messages_to_hand_out_or_in_hand(hand, clock):
    author = hand.worker()
    one, two = hand.submit(["x@a.test", "y@a.test", "z@a.test"]), hand.submit(["x@b.test"])
    assert running(hand) == []
    assert hand.ask(progress.waiting, clock.now()) == [one, two]
    first, second, other = hand.lease(author)
    assert hand.ask(progress.running)[0] == progress.Running(one, clock.now())
    assert running(hand) == [one, two]
    hand.settle(author, hand.outcomes(other, ACCEPTED), finished=[other])
    assert running(hand) == [one]
    hand.settle(author, hand.outcomes(first, DEFERRED), finished=[first])
    hand.settle(author, released=[second])
    assert running(hand) == [one]  # something of it is queued
    [again] = hand.lease(author)
    hand.settle(author, hand.outcomes(again, ACCEPTED), finished=[again])
    assert running(hand) == []  # the rest waits for a retry
    clock.advance(3600.0)
    hand.cut()
    assert running(hand) == [one]


def test_what_waits_for_its_wave_or_has_no_way_does_not_count(hand, clock):
    author = hand.worker()
    delivery = hand.create()
    hand.do(waves.create, delivery, [Wave(0.0, 1), Wave(60.0, 1)], clock.now())
    for group, source_ips, wave in (("a", IPS, 1), ("b", IPS, 2), ("c", (), 1)):
        one = [parts.NewMessage(f"x@{group}.test", f"{group}.test", "{}")]
        part = parts.NewPart(group, source_ips, one, wave, is_held=wave > 1)
        hand.do(parts.add, delivery, [part], clock.now())
    hand.do(deliveries.confirm, delivery, clock.now())
    [lent] = hand.lease(author)
    assert running(hand) == [delivery]
    hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
    assert running(hand) == []


def test_the_next_to_start_is_the_oldest_contact_date_then_the_higher_priority(hand, clock):
    late, early = hand.submit(wait=9.0), hand.submit(wait=5.0)
    hand.submit(wait=99.0)
    clock.advance(10.0)
    assert hand.ask(progress.waiting, clock.now()) == [early, late]
