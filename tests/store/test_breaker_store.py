"""The breaker's facts: what was tried within the hour, lanes shut and opened again."""

import math

from affinity.breaker import Seen, Tally, Tripped
from affinity.lane import LaneKey
from store import audit, breaker, lanes, leases
from store.horizon import Known, next_due
from tests.store.hand import ACCEPTED, DEFERRED, IPS, LEASE, REFUSED

LANE = f"{IPS[0]}>a"
HOUR = 3600.0


def try_all(hand, *verdicts):
    """Lend all, with one outcome of a kind for each part."""
    author = hand.worker()
    for lent, verdict in zip(hand.lease(author, LANE), verdicts, strict=True):
        hand.settle(author, hand.outcomes(lent, verdict), finished=[lent])
    return author


def seen(hand, errors_min=0.0):
    return hand.ask(breaker.seen, hand.clock.now(), errors_min)


def test_what_was_tried_within_the_hour_is_seen_by_the_minute(hand, clock):
    clock.set(1_750_000_020.0)  # begins a minute
    began = int(clock.now() // 60)
    hand.submit(["x@a.test", "y@a.test"])
    try_all(hand, DEFERRED)
    clock.advance(60.0)
    hand.submit(["x@a.test", "y@a.test", "x@b.test"])
    try_all(hand, ACCEPTED, REFUSED)
    assert seen(hand).tallies == [
        Tally(began, IPS[0], "a", 2, 2),
        Tally(began + 1, IPS[0], "a", 2, 0),
        Tally(began + 1, IPS[0], "b", 1, 1),
    ]
    assert {each.mx_group for each in seen(hand, 2.5).tallies} == {"a"}
    assert seen(hand, 9.0) == Seen((), {}, frozenset())
    clock.advance(HOUR - 60.0)
    assert [each.minute for each in seen(hand).tallies] == [began + 1] * 2
    clock.advance(60.0)
    assert seen(hand).tallies == ()


def test_a_lane_is_shut_with_its_reason_and_opens_by_itself(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    author = try_all(hand, REFUSED)
    now = clock.now()
    assert hand.do(breaker.shut, [Tripped(LANE, 2, 2)], now + 3 * HOUR, now) == 1
    [found] = hand.ask(lanes.suspensions, now).values()
    because = "2 of 2 attempts within an hour failed, the last with: 550 5.7.1 no"
    assert found == lanes.Suspension(LANE, now + 3 * HOUR, because, 2, 2)
    assert found.is_by_breaker
    assert hand.ask(audit.entries)[-1].text == (
        f"lane {LANE} was shut for 3 h by the breaker: {because}"
    )
    assert seen(hand).suspended == {LANE}
    hand.submit(["x@a.test"])
    assert hand.do(leases.lease, hand.grants(author, LANE), now, now + LEASE) == 0
    clock.advance(3 * HOUR)
    assert hand.ask(lanes.suspensions, clock.now()) == {}
    assert hand.do(leases.lease, hand.grants(author, LANE), clock.now(), clock.now() + LEASE) == 1


def test_one_that_is_opened_by_hand_is_judged_anew(hand, clock):
    now = clock.now()
    hand.do(breaker.shut, [Tripped(LANE, 9, 9)], now + 3 * HOUR, now)
    clock.advance(5.0)
    assert hand.do(lanes.resume, [LANE], "ann", clock.now()) == [LANE]
    hand.submit(["x@a.test"])
    try_all(hand, REFUSED)
    assert seen(hand).judged_since == {LANE: clock.now()}
    assert seen(hand).suspended == set()
    hand.do(lanes.suspend, [LANE], math.inf, "mine", "ann", clock.now())
    [found] = hand.ask(lanes.suspensions, clock.now()).values()
    assert not found.is_by_breaker


def test_what_an_operator_suspended_stays_as_it_is(hand, clock):
    now = clock.now()
    hand.do(lanes.suspend, [LANE], math.inf, "mine", "ann", now)
    assert hand.do(breaker.shut, [Tripped(LANE, 9, 9)], now + HOUR, now) == 0
    assert hand.ask(lanes.suspensions, now)[LANE] == lanes.Suspension(LANE, math.inf, "mine")
    hand.do(breaker.shut, [Tripped("*>b", 9, 9)], now + HOUR, now)
    hand.do(lanes.suspend, ["*>b"], math.inf, "", "ann", now)
    assert not hand.ask(lanes.suspensions, now)["*>b"].is_by_breaker


def test_the_last_replies_of_a_lane(hand):
    hand.submit(["x@a.test", "z@a.test", "x@b.test"], part_size=1)
    try_all(hand, DEFERRED, REFUSED, ACCEPTED)
    key = LaneKey.parse(LANE)
    assert hand.ask(breaker.last_replies, key) == ["550 5.7.1 no", "451 4.7.1 later"]
    assert hand.ask(breaker.last_replies, LaneKey(None, "a"), 1) == ["550 5.7.1 no"]
    assert hand.ask(breaker.last_replies, LaneKey(IPS[1], "a")) == []


def test_a_simulation_looks_as_often_as_the_breaker(hand, clock):
    hand.submit(["x@a.test"])
    author = try_all(hand, ACCEPTED)
    hand.finish()
    now, known = clock.now(), {"beating": [author.worker_id]}
    assert hand.ask(next_due, now, LEASE, Known(**known)) == now + 10 - now % 10
    assert hand.ask(next_due, now, LEASE, Known(**known, has_breaker=False)) is None
    assert hand.ask(next_due, now + HOUR + 60, LEASE, Known(**known)) is None
