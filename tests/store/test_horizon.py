"""horizon: until the time that it names nothing that is looked for changes, and then it does."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.gcra import BUDGET_AHEAD_S, Gcra
from mail.states import DeliveryEvent
from scheduler.decide.reclaim import Holder, Lease, stale_leases
from scheduler.decide.vigil import Vigil
from store import deliveries, expiry, lanes, leases, modules, operator, parts, scheduling, tables
from store.horizon import Known, next_due
from store.schema import open_store
from tests.fakes.clock import FakeClock
from tests.store.hand import ACCEPTED, DEFERRED, LEASE, Hand

LANE = "127.0.1.1>a"
RATE = Gcra.per_hour(60, 1)


def due(hand, now=None, **known):
    known = {"has_breaker": False, "has_quotas": False, **known}
    return hand.ask(next_due, hand.clock.now() if now is None else now, LEASE, Known(**known))


def looks(hand, now):
    """All that a round asks, as it would be answered at a time."""
    ask = hand.ask
    view = ask(scheduling.view, now, 64, now - LEASE / 2)
    workers = ask(modules.live_workers)
    vigil = Vigil(math.inf)
    vigil.watch(0.0)
    vigil.watch(now)
    holders = {each.id: Holder(each.id, each.heartbeat_at, LEASE) for each in workers}
    held = [Lease(each.part_id, each.worker_id, each.leased_until) for each in ask(leases.leases)]
    return (
        [each.part_id for each in view.queued],
        [each.id for each in view.workers],
        [each.message_id for each in ask(parts.due, now, 99)],
        ask(expiry.is_any_late, now),
        ask(deliveries.is_any_complete, now),
        ask(deliveries.is_any_abandoned, now - deliveries.ABANDONED_AFTER_S),
        sorted(ask(lanes.suspensions, now)),
        [each.id for each in workers if vigil.is_silent(each.heartbeat_at, LEASE)],
        [each.lease.part_id for each in stale_leases(held, holders, now)],
        [key for key, lane in view.lanes.items() if RATE.earliest(lane.tat) > now + BUDGET_AHEAD_S],
    )


def nothing_changes_before(hand, found):
    now = hand.clock.now()
    end = now + 40 * 86_400 if found is None else found
    if end - now < 1e-5:  # moments that count after a time follow it within a microsecond
        return
    before = looks(hand, now)
    for share in (0.01, 0.5, 0.99):
        assert looks(hand, now + (end - now) * share) == before
    assert looks(hand, math.nextafter(end, 0)) == before


def test_an_empty_store_waits_for_nothing(hand):
    assert due(hand) is None


def test_a_contact_date_and_the_end_of_validity(hand, clock):
    hand.submit(wait=100.0, validity=900.0)
    now = clock.now()
    assert due(hand) == now + 100.0
    clock.advance(100.0)
    assert due(hand) == now + 900.0
    hand.do(operator.steer, 1, DeliveryEvent.PAUSED, clock.now())
    assert due(hand) == now + 900.0
    clock.advance(800.0)
    assert due(hand) is None


def test_a_held_delivery_ends_with_its_validity(hand, clock):
    delivery = hand.create(validity=900.0)
    hand.add(delivery, ["x@a.test"])
    hand.do(deliveries.confirm, delivery, clock.now(), hold=True)
    assert due(hand) == clock.now() + 900.0


def test_the_next_retry(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    author = hand.worker()
    for lent, wait in zip(hand.lease(author), (300.0, 200.0), strict=True):
        hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=wait), finished=[lent])
    now = clock.now()
    assert due(hand, beating=[author.worker_id]) == now + 200.0
    clock.advance(200.0)
    assert due(hand, beating=[author.worker_id]) == now + 300.0


def test_an_open_delivery_ends_a_while_after_it_is_closed(hand, clock):
    now = clock.now()
    delivery = hand.submit(["x@a.test"])
    author = hand.worker()
    [lent] = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
    table = tables.delivery
    hand.do(lambda tx: tx.connection.execute(table.update().values(open_until=now + 50.3)))
    found = due(hand, beating=[author.worker_id])
    assert found == pytest.approx(now + 50.3 + deliveries.OPEN_GRACE_S)
    clock.set(due(hand, found, beating=[author.worker_id]))
    assert hand.finish() == [delivery]


def test_an_abandoned_submission(hand, clock):
    hand.create()
    now = clock.now()
    assert due(hand) == now + deliveries.ABANDONED_AFTER_S
    hand.add(1, ["x@a.test"])
    hand.do(deliveries.confirm, 1, now)
    assert due(hand) > now + deliveries.ABANDONED_AFTER_S


def test_the_end_of_a_suspension(hand, clock):
    now = clock.now()
    hand.do(lanes.suspend, [LANE], math.inf, "", "ann", now)
    assert due(hand) is None
    hand.do(lanes.suspend, ["*>b"], now + 60.0, "", "ann", now)
    assert due(hand) == now + 60.0


def test_a_worker_is_passed_over_then_buried(hand, clock):
    hand.worker()
    heard = clock.now()
    assert due(hand) == heard + LEASE / 2
    clock.set(heard + LEASE / 2)
    assert due(hand) == heard + LEASE / 2 + 2**-20  # until then it was heard in time
    clock.set(heard + LEASE / 2 + 1)
    assert due(hand) == heard + LEASE
    assert due(hand, beating=[1]) is None
    clock.set(heard + LEASE + 1)  # whoever buries it may have begun to listen later
    assert due(hand, grain_s=0.5) == clock.now() + 0.5
    assert due(hand, is_watched=False) is None


def test_whoever_holds_messages_is_followed_closely(hand, clock):
    hand.submit()
    author = hand.worker()
    hand.lease(author)
    now = clock.now()
    assert due(hand, grain_s=0.5) == now + 0.5
    assert due(hand, beating=[author.worker_id], grain_s=0.5) == now + 0.5
    clock.advance(LEASE - 1)
    assert due(hand, grain_s=5.0) == now + LEASE


def test_a_lease_of_nobody_ends_by_itself(hand, clock):
    hand.submit()
    author = hand.worker()
    hand.lease(author)
    hand.do(modules.end_worker, author.worker_id, modules.STOPPED, clock.now())
    assert due(hand) == clock.now() + LEASE


def test_a_lane_whose_budget_is_spent(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    [lent] = hand.lease(author, LANE)
    now = clock.now()
    hand.settle(author, released=[lent], tats={LANE: now + 90.0})
    known = {"beating": [author.worker_id], "rate_of": lambda _: RATE}
    assert due(hand, **known) == now + 90.0 - BUDGET_AHEAD_S
    clock.advance(89.5)
    assert due(hand, **known) == now + 90.0
    assert due(hand, beating=[author.worker_id]) == clock.now() + 0.05  # the rate is not known
    clock.advance(10.0)
    assert due(hand, **known) == hand.ask(deliveries.get, 1).expires_at


def test_what_nobody_waits_for_wakes_nobody(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    [lent] = hand.lease(author, LANE)
    sent = hand.outcomes(lent, ACCEPTED)
    hand.settle(author, sent, finished=[lent], tats={LANE: clock.now() + 90.0})
    hand.finish()
    assert due(hand, beating=[author.worker_id]) is None


steps = st.lists(
    st.tuples(
        st.sampled_from(["submit", "worker", "defer", "lease", "suspend", "spend", "open", "pass"]),
        st.floats(0.01, 500.0),
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def emptied():
    """A store in memory, for one example after the other."""
    store = open_store("sqlite://", inline=True)
    yield store
    store.close()


@given(steps, st.booleans())
def test_until_then_no_look_finds_anything_new(emptied, steps, is_heard_for_ever):
    for table in tables.metadata.sorted_tables:
        emptied.write_now(lambda tx, table=table: tx.connection.execute(table.delete()))
    hand = Hand(emptied, FakeClock())
    for what, size in [("worker", 1.0), ("submit", 200.0), *steps]:
        _do(hand, what, size)
    if is_heard_for_ever:
        heard = tables.worker.update().values(heartbeat_at=1e12)
        hand.do(lambda tx: tx.connection.execute(heard))
    for _ in range(3):
        found = due(hand, rate_of=lambda _: RATE)
        nothing_changes_before(hand, found)
        if found is None:
            break
        hand.clock.set(found)


def _do(hand, what, size):
    now = hand.clock.now()
    match what:
        case "submit":
            hand.submit(["x@a.test", "y@b.test"], wait=max(0.0, size - 300), validity=2 * size)
        case "open":
            hand.create()
        case "worker":
            hand.worker()
        case "suspend":
            hand.do(lanes.suspend, [LANE], now + size, "", "ann", now)
        case "pass":
            hand.clock.advance(size)
        case "lease" | "defer" | "spend":
            author = hand.worker()
            held = hand.lease(author, LANE)
            if what == "defer":
                for lent in held:
                    sent = hand.outcomes(lent, DEFERRED, retry_in=size)
                    hand.settle(author, sent, finished=[lent])
            elif held and what == "spend":
                hand.settle(author, released=held[:1], tats={LANE: now + size})
