"""A delivery in waves: nothing of a wave is handed out before it begins, and all of it then."""

import pytest

from affinity.waves import Wave
from mail.states import DeliveryEvent
from store import audit, deliveries, operator, parts, queues, replan, tables, waves
from store.errors import CannotNow, UnknownDelivery, UnknownWave
from store.horizon import next_due
from tests.store.hand import ACCEPTED, DAY, IPS, LEASE

HOUR = 3600.0


@pytest.fixture
def submit(hand):
    """A delivery of three waves, two messages each; the first begins at its contact date."""

    def make(*, hold=False, wait=0.0, validity=5 * DAY, source_ips=IPS):
        delivery = hand.create(wait=wait, validity=validity)
        contact_at = hand.ask(deliveries.get, delivery).contact_at
        planned = [Wave(0.0, 2), Wave(HOUR, 2), Wave(2 * HOUR, 2)]
        hand.do(waves.create, delivery, planned, contact_at)
        for number, wave in enumerate(planned, 1):
            new = [parts.NewMessage(f"{number}{name}@a.test", "a.test", "{}") for name in "xy"]
            part = parts.NewPart("a", source_ips, new, number, is_held=wave.delay_s > 0)
            hand.do(parts.add, delivery, [part], hand.clock.now())
        hand.do(deliveries.confirm, delivery, hand.clock.now(), hold=hold)
        return delivery

    return make


def queued(hand):
    """The waves that the scheduler sees."""
    part = tables.part
    ids = [each.part_id for each in hand.queued()]
    rows = hand.ask(lambda tx: tx.connection.execute(part.select().order_by(part.c.id)).all())
    return [row.wave for row in rows if row.id in ids]


def begin_due(hand):
    assert hand.ask(waves.is_any_due, hand.clock.now())
    return hand.do(waves.begin_due, hand.clock.now())


def test_each_wave_is_released_at_its_time(hand, clock, submit):
    delivery, began = submit(wait=100.0), clock.now()
    assert [each.starts_at - began for each in hand.ask(waves.of, delivery)] == [
        100.0,
        100.0 + HOUR,
        100.0 + 2 * HOUR,
    ]
    clock.advance(100.0)
    assert queued(hand) == [1]
    assert not hand.ask(waves.is_any_due, clock.now())
    assert hand.ask(next_due, clock.now(), LEASE) == began + 100.0 + HOUR
    clock.advance(HOUR - 0.1)
    assert not hand.ask(waves.is_any_due, clock.now())
    clock.advance(0.1)
    assert begin_due(hand) == 1
    assert queued(hand) == [1, 2]
    clock.advance(9 * HOUR)
    assert begin_due(hand) == 1
    assert queued(hand) == [1, 2, 3]
    assert not hand.ask(waves.is_any_due, clock.now())


def test_what_is_ahead_can_be_read(hand, submit):
    delivery, now = submit(), hand.clock.now()
    assert hand.ask(waves.ahead) == [
        waves.Ahead(delivery, 2, now + HOUR, "a", 2),
        waves.Ahead(delivery, 3, now + 2 * HOUR, "a", 2),
    ]
    assert [(each.is_held, each.messages) for each in hand.ask(queues.waiting)] == [
        (True, 4),
        (False, 2),
    ]
    assert hand.ask(waves.wave_of, 3).wave == 2
    plain = hand.submit()
    assert hand.ask(waves.of, plain) == []
    assert hand.ask(waves.wave_of, 7) is None


def test_a_wave_is_started_by_hand_and_the_others_keep_their_time(hand, clock, submit):
    delivery = submit()
    clock.advance(60.0)
    done = hand.do(waves.begin, delivery, 3, "ann", clock.now())
    assert done.started_at == clock.now()
    assert queued(hand) == [1, 3]
    told = [each.text for each in hand.ask(audit.entries, delivery_id=delivery)]
    assert told[-1] == "wave 3 of 2 messages was started by ann, 1 h 59 min early"
    with pytest.raises(CannotNow, match="wave 3 of delivery 1 has begun already"):
        hand.do(waves.begin, delivery, 3, "ann", clock.now())
    clock.advance(9 * HOUR)
    assert begin_due(hand) == 1


def test_what_cannot_be_started_is_refused(hand, submit):
    held = submit(hold=True)
    plain = hand.submit()
    now = hand.clock.now()
    with pytest.raises(UnknownDelivery):
        hand.do(waves.begin, 77, 1, "ann", now)
    with pytest.raises(UnknownWave, match="has no wave 4: it has 3"):
        hand.do(waves.begin, held, 4, "ann", now)
    with pytest.raises(UnknownWave, match="has no wave 1: it goes in one"):
        hand.do(waves.begin, plain, 1, "ann", now)
    with pytest.raises(CannotNow, match="is ready: no wave of it can be started"):
        hand.do(waves.begin, held, 2, "ann", now)


def test_waves_of_a_held_delivery_count_from_its_confirmation(hand, clock, submit):
    delivery = submit(hold=True)
    clock.advance(DAY)
    assert not hand.ask(waves.is_any_due, clock.now())
    hand.do(operator.steer, delivery, DeliveryEvent.CONFIRMED, clock.now())
    found = hand.ask(waves.of, delivery)
    assert [each.starts_at - clock.now() for each in found[1:]] == [HOUR, 2 * HOUR]
    assert queued(hand) == [1]


def test_a_confirmation_too_late_for_the_last_wave_is_refused_whole(hand, clock, submit):
    delivery = submit(hold=True)
    clock.advance(5 * DAY - 2 * HOUR)
    before = hand.everything()
    with pytest.raises(CannotNow, match="its last wave would begin 0 s after"):
        hand.do(operator.steer, delivery, DeliveryEvent.CONFIRMED, clock.now())
    assert hand.everything() == before


def test_a_changed_plan_keeps_the_wave(hand, clock, submit):
    delivery, now = submit(), clock.now()
    new = replan.Planned(delivery, "main", "a.test", "b", IPS[:1])
    hand.do(replan.replan, [new], now)
    hand.cut()
    assert len(hand.queued()) == 1
    assert hand.ask(next_due, now, LEASE) == now + HOUR
    hand.do(waves.begin, delivery, 3, "ann", now)
    assert hand.cut() == 2
    clock.advance(HOUR)
    begin_due(hand)
    assert hand.cut() == 2
    assert sum(each.size for each in hand.queued()) == 6


def test_what_has_no_way_to_go_stays_held_when_its_wave_begins(hand, clock, submit):
    delivery = submit(source_ips=())
    clock.advance(HOUR)
    begin_due(hand)
    assert hand.queued() == []
    hand.do(replan.replan, [replan.Planned(delivery, "main", "a.test", "a", IPS)], clock.now())
    assert hand.cut() == 4  # of the waves that have begun
    clock.advance(HOUR)
    begin_due(hand)
    assert hand.cut() == 2


def test_validity_and_cancelling_end_what_is_ahead_too(hand, clock, submit):
    submit(validity=3 * HOUR)
    other = submit()
    clock.advance(3 * HOUR)
    assert hand.expire() == 6
    hand.do(operator.steer, other, DeliveryEvent.CANCELLED, clock.now())
    assert hand.do(operator.withdraw_cancelled, 10, clock.now()) == 6
    assert hand.finish() == [1]
    assert not hand.ask(waves.is_any_due, clock.now())
    assert hand.ask(waves.ahead) == []


def test_a_paused_delivery_has_its_waves_ready_when_it_is_resumed(hand, clock, submit):
    delivery = submit()
    hand.do(operator.steer, delivery, DeliveryEvent.PAUSED, clock.now())
    clock.advance(HOUR)
    begin_due(hand)
    assert queued(hand) == []
    hand.do(operator.steer, delivery, DeliveryEvent.RESUMED, clock.now())
    assert queued(hand) == [1, 2]


def test_a_delivery_goes_on_until_its_last_wave_is_through(hand, clock, submit):
    submit()
    author = hand.worker()
    for _ in range(3):
        for lent in hand.lease(author):
            hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
        clock.advance(HOUR)
        hand.do(waves.begin_due, clock.now())
    assert hand.finish() == [1]
    assert hand.statuses() == ["sent"] * 6


def test_a_submission_that_is_taken_back_leaves_no_wave(hand, clock):
    delivery = hand.create()
    hand.do(waves.create, delivery, [Wave(0.0, 1), Wave(HOUR, 1)], clock.now())
    hand.do(deliveries.discard, delivery, clock.now(), "broken off")
    assert hand.count(tables.wave) == 0
