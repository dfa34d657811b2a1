"""lanes, halts: what an operator stops stays stopped, whoever looks and whenever."""

import math

from store import audit, halts, lanes, leases, scheduling

LANE, OTHER = "127.0.1.1>a", "127.0.1.2>a"


def test_a_suspension_ends_by_itself_or_by_hand(hand, clock):
    now = clock.now()
    done = hand.do(lanes.suspend, [LANE], now + 60.0, "blocked", "ann", now)
    assert done == [lanes.Suspension(LANE, now + 60.0, "blocked")]
    hand.do(lanes.suspend, [OTHER], math.inf, "", "ann", now)
    assert list(hand.ask(lanes.suspensions, now)) == [LANE, OTHER]
    clock.advance(60.0)
    found = hand.ask(lanes.suspensions, clock.now())
    assert list(found) == [OTHER]
    assert not found[OTHER].has_end
    assert hand.do(lanes.resume, [LANE, OTHER], "bob", clock.now()) == [OTHER]
    assert hand.ask(lanes.suspensions, clock.now()) == {}
    assert [each.text for each in hand.ask(audit.entries)] == [
        f"lane {LANE} was suspended for 1 min by ann: blocked",
        f"lane {OTHER} was suspended until it is resumed by ann",
        f"lane {OTHER} was resumed by bob",
    ]


def test_nothing_is_lent_on_a_lane_suspended_since_the_scheduler_looked(hand, clock):
    hand.submit(["x@a.test", "y@b.test"])
    author, now = hand.worker(), clock.now()
    [one, two] = hand.grants(author, LANE)
    two = leases.Grant(two.part_id, two.delivery_id, two.worker_id, two.source_ip, "127.0.1.1>b")
    hand.do(lanes.suspend, [LANE], math.inf, "", "ann", now)
    assert hand.do(leases.lease, [one, two], now, now + 15.0) == 1
    [lent] = hand.ask(leases.leased_to, author.worker_id)
    assert lent.lane == "127.0.1.1>b"
    hand.do(lanes.resume, [LANE], "ann", now)
    assert hand.do(leases.lease, [one], now, now + 15.0) == 1


def test_whoever_holds_a_part_of_a_suspended_lane_is_told(hand, clock):
    hand.submit()
    author = hand.worker()
    [lent] = hand.lease(author, LANE)
    assert not lent.is_suspended(clock.now())
    hand.do(lanes.suspend, [LANE], clock.now() + 5.0, "", "ann", clock.now())
    [told] = hand.ask(leases.leased_to, author.worker_id)
    assert told.is_suspended(clock.now())
    assert not told.is_suspended(clock.now() + 5.0)
    hand.settle(author, released=[lent])
    view = hand.ask(scheduling.view, clock.now(), 64)
    assert view.lanes[LANE].suspended_until == clock.now() + 5.0


def test_a_suspension_and_a_limiter_leave_each_other_alone(hand, clock):
    hand.submit()
    author = hand.worker()
    [lent] = hand.lease(author, LANE)
    hand.do(lanes.suspend, [LANE], math.inf, "why", "ann", clock.now())
    hand.settle(author, released=[lent], tats={LANE: 17.0})
    assert hand.ask(lanes.suspensions, clock.now())[LANE].because == "why"
    hand.do(lanes.resume, [LANE], "ann", clock.now())
    hand.submit(["z@b.test"])
    assert hand.ask(scheduling.view, clock.now(), 64).lanes[LANE].tat == 17.0


def test_an_instance_is_stopped_once_and_started_once(hand, clock):
    now = clock.now()
    assert hand.do(halts.halt, "m1", "ann", now)
    assert not hand.do(halts.halt, "m1", "bob", now + 1.0)
    assert hand.ask(halts.halts) == {"m1": halts.Halt(now, "ann")}
    assert hand.do(halts.lift, "m1", "bob", now + 2.0)
    assert not hand.do(halts.lift, "m1", "bob", now + 3.0)
    assert hand.ask(halts.halts) == {}
    texts = [each.text for each in hand.ask(audit.entries)]
    assert texts == ["mta@m1 was stopped by ann", "mta@m1 was started again by bob"]
