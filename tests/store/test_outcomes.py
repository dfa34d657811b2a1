"""record and settle: outcomes take effect once, and only from who holds the lease."""

from dataclasses import replace

import pytest

from mail.errors import IllegalTransition
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from store import address_search, deliveries, leases, log, parts, queues, tables
from store.errors import UnknownMessage
from store.transitions import Author, Recorded
from tests.store.hand import ACCEPTED, DEFERRED, IPS, REFUSED, UNKNOWN_USER


def test_an_outcome_is_written_with_all_that_is_known_of_it(hand, clock):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    clock.advance(1.0)
    recorded = hand.settle(author, hand.outcomes(lent, UNKNOWN_USER), finished=[lent])

    assert recorded == Recorded(written=1, known=0, fenced=0)
    message, (change,) = hand.ask(log.message, 1)
    assert message == log.Message(
        id=1,
        delivery_id=1,
        address="x@a.test",
        domain="a.test",
        mx_group="a",
        status="failed",
        attempts=1,
        part_id=None,
        next_attempt_at=None,
        reason=Reason.USER_UNKNOWN,
        failure="hard",
        source_ip=IPS[0],
        reply="550 5.1.1 who?",
        changed_at=clock.now(),
    )
    assert change == log.Transition(
        id=1,
        message_id=1,
        delivery_id=1,
        address="x@a.test",
        at=clock.now(),
        event="refused",
        from_status="pending",
        to_status="failed",
        attempt=1,
        reason=Reason.USER_UNKNOWN,
        failure="hard",
        mta="m1",
        worker_id=author.worker_id,
        source_ip=IPS[0],
        code=550,
        enhanced="5.1.1",
        text="5.1.1 who?",
        duration_ms=12.5,
        size_bytes=4096,
        next_attempt_at=None,
    )
    assert hand.ask(log.last_transition_id) == 1
    assert hand.ask(log.statuses, [1, 2]) == {1: (1, "failed")}
    with pytest.raises(UnknownMessage, match="there is no message 2"):
        hand.ask(log.message, 2)


def test_counters_follow_each_outcome(hand, clock):
    delivery_id = hand.submit([f"{n}@a.test" for n in range(4)], part_size=4)
    author = hand.worker()
    (lent,) = hand.lease(author)
    one, two, *_ = hand.outcomes(lent)
    deferred, refused = hand.outcomes(lent, DEFERRED), hand.outcomes(lent, REFUSED)
    hand.settle(author, [one, two, deferred[2], refused[3]], finished=[lent])
    assert hand.ask(deliveries.get, delivery_id).counts == {"sent": 2, "pending": 1, "failed": 1}
    assert hand.ask(queues.by_reason) == [
        ("failed", Reason.REFUSED, 1),
        ("pending", Reason.NOT_DEFINED, 1),
        ("sent", Reason.NOT_DEFINED, 2),
    ]
    traffic = queues.Traffic("m1", author.worker_id, IPS[0], "a", 2, 1, 1, 8192)
    assert hand.ask(queues.traffic, since=clock.now()) == [traffic]
    assert hand.ask(queues.traffic, since=clock.now() + 60.0) == []


@pytest.mark.parametrize("verdict", [ACCEPTED, DEFERRED, REFUSED])
def test_an_outcome_takes_effect_once(hand, verdict):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    outcomes = hand.outcomes(lent, verdict)
    assert hand.settle(author, outcomes) == Recorded(2, 0, 0)
    before = hand.everything()
    assert hand.settle(author, outcomes) == Recorded(0, 2, 0)
    assert hand.everything() == before


def test_an_outcome_reported_twice_at_once_takes_effect_once(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    one, two = hand.outcomes(lent)
    assert hand.settle(author, [one, two, one]) == Recorded(2, 1, 0)
    assert hand.statuses() == ["sent", "sent"]


def test_of_a_mixed_report_only_the_new_is_written(hand):
    hand.submit([f"{n}@a.test" for n in range(6)], part_size=3)
    author = hand.worker()
    first, second = hand.lease(author)
    old = hand.outcomes(first)[:2]
    hand.settle(author, old)
    new = [*hand.outcomes(first, REFUSED), *hand.outcomes(second, DEFERRED)]
    stale = [each._replace(epoch=second.epoch + 1) for each in hand.outcomes(second)]
    assert hand.settle(author, [*stale, *old, *new]) == Recorded(4, 2, 3)
    assert hand.statuses() == ["sent", "sent", "failed", "pending", "pending", "pending"]


def test_the_second_answer_to_an_attempt_is_not_believed(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    sent, refused = hand.outcomes(lent), hand.outcomes(lent, REFUSED)
    hand.settle(author, sent)
    assert hand.settle(author, refused) == Recorded(0, 1, 0)
    assert hand.statuses() == ["sent"]


@pytest.mark.parametrize(
    "pretend",
    [
        lambda lent, author: (replace(lent, epoch=lent.epoch + 1), author),
        lambda lent, author: (replace(lent, epoch=lent.epoch - 1), author),
        lambda lent, author: (lent, Author("m1", author.worker_id + 1)),
        lambda lent, author: (replace(lent, part_id=99), author),
    ],
    ids=["newer epoch", "older epoch", "other worker", "other part"],
)
def test_who_does_not_hold_the_lease_writes_nothing_at_all(hand, pretend):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author, lane="l1")
    hand.settle(author, tats={"l1": 100.0})
    before = hand.everything()
    fake, who = pretend(lent, author)
    outcomes = [
        each._replace(part_id=fake.part_id, epoch=fake.epoch)
        for each in hand.outcomes(lent, UNKNOWN_USER)
    ]
    assert hand.settle(who, outcomes, finished=[fake]) == Recorded(0, 0, 2)
    assert hand.settle(who, outcomes, released=[fake]) == Recorded(0, 0, 2)
    assert hand.everything() == before


def test_a_limiter_is_kept_only_for_a_lane_that_the_author_works(hand, clock):
    hand.submit(["x@a.test"])
    author, other = hand.worker(), hand.worker()
    (lent,) = hand.lease(author, lane="l1")
    hand.settle(author, hand.outcomes(lent), finished=[lent], tats={"l1": 100.0})
    before = hand.everything()
    hand.settle(author, tats={"l1": 50.0})  # its part is gone: another may work the lane by now
    hand.settle(other, tats={"l1": 50.0})
    assert hand.everything() == before

    hand.submit(["y@a.test"])
    (lent,) = hand.lease(other, lane="l1")
    assert lent.tat == 100.0
    hand.settle(other, tats={"l1": 101.0, "l2": 7.0})
    (lent,) = hand.ask(leases.leased_to, other.worker_id)
    assert lent.tat == 101.0
    assert hand.count(tables.lane) == 1


def test_a_deferred_message_waits_for_its_time_and_is_cut_again(hand, clock):
    hand.submit(["x@a.test", "y@a.test", "z@a.test"], part_size=3)
    author = hand.worker()
    (lent,) = hand.lease(author)
    one, two, three = hand.outcomes(lent, DEFERRED, retry_in=60.0)
    later = three._replace(next_attempt_at=clock.now() + 61.0)
    hand.settle(author, [one, two, later], finished=[lent])
    assert hand.count(tables.part) == 0
    retrying = queues.Retrying(1, "a", 3, clock.now() + 60.0)
    assert hand.ask(queues.retrying) == [retrying]

    clock.advance(59.0)
    assert hand.cut() == 0
    clock.advance(1.0)
    assert [each.message_id for each in hand.ask(parts.due, clock.now(), 1)] == [1]
    assert hand.cut() == 2
    (again,) = hand.lease(author)
    assert (again.size, again.mx_group) == (2, "a")
    assert [each.attempt for each in hand.outcomes(again)] == [2, 2]
    hand.settle(author, hand.outcomes(again), finished=[again])
    assert hand.statuses() == ["sent", "sent", "pending"]
    _, changes = hand.ask(log.message, 1)
    assert [(each.event, each.attempt) for each in changes] == [("deferred", 1), ("accepted", 2)]


def test_the_longest_due_is_cut_first(hand, clock):
    hand.submit(["x@a.test", "y@a.test", "z@a.test"], part_size=3)
    author = hand.worker()
    (lent,) = hand.lease(author)
    now = clock.now()
    outcomes = [
        each._replace(next_attempt_at=now + wait)
        for each, wait in zip(hand.outcomes(lent, DEFERRED), (30.0, 10.0, 20.0), strict=True)
    ]
    hand.settle(author, outcomes, finished=[lent])
    clock.advance(30.0)
    due = [each.message_id for each in hand.ask(parts.due, clock.now(), 10)]
    assert due == [2, 3, 1]


def test_what_ended_meanwhile_is_not_cut(hand, clock):
    hand.submit(["x@a.test"], validity=60.0)
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, DEFERRED, retry_in=60.0), finished=[lent])
    clock.advance(60.0)
    (due,) = hand.ask(parts.due, clock.now(), 10)
    hand.expire()
    cut = parts.Cut(1, "a", IPS, [due.message_id])
    hand.store.write_now(parts.cut, [cut], {due.message_id: "a.test"})
    (message,) = hand.messages()
    assert (message.status, message.part_id) == ("failed", None)


def test_a_finished_part_is_gone(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent), finished=[lent])
    assert hand.count(tables.part) == 0
    hand.settle(author, finished=[lent])  # said again: nobody minds


@pytest.mark.parametrize("how", ["released", "finished"])
def test_what_is_left_of_a_part_is_queued_again(hand, clock, how):
    hand.submit(["x@a.test", "y@a.test", "z@a.test"], part_size=3)
    author, other = hand.worker(), hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent)[:1], **{how: [lent]})
    (waiting,) = hand.queued()
    assert (waiting.part_id, waiting.size) == (lent.part_id, 2)
    assert hand.ask(leases.leases) == []
    (again,) = hand.lease(other)
    assert (again.epoch, again.size) == (lent.epoch + 1, 2)
    assert [each.message_id for each in hand.outcomes(again)] == [2, 3]


def test_a_released_part_of_which_nothing_is_left_is_gone(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, DEFERRED), released=[lent])
    assert hand.count(tables.part) == 0


def test_hard_and_soft_failures_count_against_the_address(hand):
    names = ["hard", "soft", "ignored", "undefined", "fine"]
    hand.submit([f"{name}@a.test" for name in names], part_size=8)
    author = hand.worker()
    (lent,) = hand.lease(author)
    verdicts = [
        Verdict(MessageEvent.REFUSED, FailureType(name), Reason.REFUSED, f"text {name}", 550)
        for name in names[:4]
    ]
    outcomes = [
        each._replace(verdict=verdict)
        for each, verdict in zip(hand.outcomes(lent), [*verdicts, ACCEPTED], strict=True)
    ]
    hand.settle(author, outcomes, finished=[lent])
    known = hand.ask(address_search.find, address_search.Selection())
    found = {each.address: each.status for each in known}
    assert found == {
        "hard@a.test": "quarantined",
        "soft@a.test": "with_errors",
        "undefined@a.test": "with_errors",  # unclassified texts are treated as soft
    }


def test_a_worker_may_not_report_what_is_no_outcome(hand):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    one, two = hand.outcomes(lent)
    impossible = Verdict(MessageEvent.BOUNCED_LATER, None, None, "?")
    before = hand.everything()
    with pytest.raises(IllegalTransition, match="pending cannot be bounced_later"):
        hand.settle(author, [one, two._replace(verdict=impossible)], finished=[lent])
    assert hand.everything() == before


def test_a_reply_without_a_code_is_kept_as_its_text(hand):
    hand.submit(["x@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    lost = Verdict(MessageEvent.DEFERRED, FailureType.IGNORED, Reason.UNREACHABLE, "reset by peer")
    hand.settle(author, hand.outcomes(lent, lost))
    assert hand.messages()[0].reply == "reset by peer"


def test_a_large_report_goes_in_one_transaction(hand):
    hand.submit([f"{n}@a.test" for n in range(2000)], part_size=1)
    author = hand.worker()
    lent = hand.lease(author)
    ids = [each.part_id for each in lent]
    found = hand.ask(leases.messages_of, ids)
    assert sum(map(len, found.values())) == 2000
    sample = hand.outcomes(lent[0])[0]
    outcomes = [
        sample._replace(
            part_id=part_id,
            message_id=each.message_id,
            address=each.address,
            verdict=UNKNOWN_USER,
        )
        for part_id, chosen in found.items()
        for each in chosen
    ]
    assert hand.settle(author, outcomes[:7]).written == 7
    assert hand.settle(author, outcomes, finished=lent) == Recorded(1993, 7, 0)
    assert hand.count(tables.part) == 0
    assert (
        len(hand.ask(address_search.find, address_search.Selection(["quarantined"]), 5000)) == 2000
    )
