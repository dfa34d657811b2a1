"""What the diagnosis reads: each pending message once, and what workers told."""

from dataclasses import replace

from sqlalchemy import func, select

from mail.cause import Cause
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import DeliveryEvent, MessageEvent, MessageStatus
from store import (
    deliveries,
    modules,
    operator,
    pending,
    pending_one,
    pending_plans,
    reports,
    settlement,
    tables,
)
from tests.store.hand import ACCEPTED, IPS, LEASE

ADDRESSES = ("a@a.test", "b@a.test", "c@a.test", "d@b.test", "e@b.test")
GREYLISTED = Verdict(
    MessageEvent.DEFERRED,
    FailureType.IGNORED,
    Reason.GREYLISTED,
    "come back",
    451,
    "4.7.1",
    cause=Cause.GREYLISTED,
)
LATER = Verdict(MessageEvent.DEFERRED, FailureType.SOFT, Reason.MAILBOX_FULL, "full", 452, "4.2.2")
NEWS = reports.News()


def seen(hand, delivery=None) -> pending.View:
    def read(tx):
        tx.dialect.hold_view(tx.connection)
        return pending.view(tx, hand.clock.now(), delivery)

    return hand.ask(read)


def counted(view) -> int:
    return sum(each.messages for each in (*view.queued, *view.lent, *view.retrying))


def pending_rows(hand) -> int:
    message = tables.message
    query = select(func.count()).where(message.c.status == MessageStatus.PENDING)
    return hand.ask(lambda tx: tx.connection.scalar(query))


def send(hand, author, parts, verdict, **how):
    for each in parts:
        hand.settle(author, hand.outcomes(each, verdict, **how), finished=[each])


def test_each_pending_message_is_counted_once_wherever_it_is(hand):
    first, second = hand.submit(ADDRESSES), hand.submit(ADDRESSES)
    hand.add(hand.create(), ADDRESSES)  # a third one, still being submitted
    hand.do(operator.steer, second, DeliveryEvent.PAUSED, hand.clock.now())
    author = hand.worker()
    one, two, three = hand.lease(author)
    send(hand, author, [one], ACCEPTED)
    send(hand, author, [two], GREYLISTED, retry_in=600.0)
    view = seen(hand)
    assert counted(view) == pending_rows(hand) == 13
    assert {each.delivery_id for each in view.queued} == {second, 3}
    assert [(each.part_id, each.messages) for each in view.lent] == [(three.part_id, 2)]
    assert set(view.deliveries) == {first, second, 3}
    assert counted(seen(hand, second)) == 5 + 2, "what is in hand is always told, for its lanes"


def test_what_waits_for_a_retry_is_told_by_cause_and_by_what_is_due(hand):
    hand.submit(ADDRESSES)
    author = hand.worker()
    one, two, three = hand.lease(author)
    send(hand, author, [one], GREYLISTED, retry_in=600.0)
    send(hand, author, [two], GREYLISTED, retry_in=900.0)
    send(hand, author, [three], LATER, retry_in=60.0)
    now = hand.clock.now()
    hand.clock.advance(700)
    by_cause = {(each.cause, each.mx_group): each for each in seen(hand).retrying}
    greylisted = by_cause[Cause.GREYLISTED, "a"]
    assert (greylisted.messages, greylisted.due) == (3, 2)
    assert (greylisted.earliest_at, greylisted.next_at) == (now + 600, now + 900)
    later = by_cause[None, "b"]
    assert (later.messages, later.due, later.next_at) == (2, 2, None)
    last = hand.ask(pending_one.last_word, 1, "a", Cause.GREYLISTED)
    assert (last.attempts, last.reply, last.reason) == (1, "451 come back", "greylisted")


def test_an_outcome_that_ends_a_message_forgets_what_it_waited_for(hand):
    hand.submit(["a@a.test"])
    author = hand.worker()
    send(hand, author, hand.lease(author), GREYLISTED, retry_in=10.0)
    hand.clock.advance(11)
    hand.cut()
    send(hand, author, hand.lease(author), ACCEPTED)
    message = tables.message
    cause = hand.ask(lambda tx: tx.connection.execute(select(message.c.cause)).scalars().all())
    assert cause == [None]


def test_parts_know_since_when_they_are_queued(hand):
    hand.submit(["a@a.test"])
    began = hand.clock.now()
    [queued] = seen(hand).queued
    assert hand.ask(pending.queued_since, [queued.first_part]) == {queued.first_part: began}
    author = hand.worker()
    [lent] = hand.lease(author)
    back = hand.clock.advance(30)
    hand.settle(author, released=[lent])
    assert hand.ask(pending.queued_since, [lent.part_id]) == {lent.part_id: back}


def test_retries_of_several_plans_are_told_apart(hand):
    delivery = hand.create()
    hand.add(delivery, ["a@a.test", "b@a.test"])
    hand.add(delivery, ["c@a.example"], source_ips=IPS[:1])  # of the same MX group
    hand.do(deliveries.confirm, delivery, hand.clock.now())
    author = hand.worker()
    send(hand, author, hand.lease(author), GREYLISTED)
    now = hand.clock.now()
    split = hand.ask(pending_plans.retries_by_plan, delivery, "a", Cause.GREYLISTED, now)
    assert {(each.source_ips, each.messages) for each in split} == {(IPS, 2), (IPS[:1], 1)}
    plans = hand.ask(pending_plans.plans, [delivery])
    assert {(each.source_ips, each.domain, each.domains) for each in plans} == {
        (IPS, "a.test", 1),
        (IPS[:1], "a.example", 1),
    }


def test_the_place_of_a_message_is_known_to_the_message(hand):
    hand.submit(ADDRESSES)
    numbers = [each.id for each in hand.messages()]
    third = hand.ask(pending_one.place_of, numbers[2])
    assert (third.state, third.ahead_in_part, third.parts_ahead) == ("queued", 0, 2)
    author = hand.worker()
    lent = hand.lease(author)
    second = hand.ask(pending_one.place_of, numbers[1])
    assert (second.state, second.worker_id, second.ahead_in_part) == (
        "leased",
        author.worker_id,
        1,
    )
    send(hand, author, lent[:1], ACCEPTED)
    assert hand.ask(pending_one.place_of, numbers[0]) is None
    send(hand, author, lent[1:2], GREYLISTED)
    assert hand.ask(pending_one.place_of, numbers[2]).cause is Cause.GREYLISTED


def test_what_a_journal_knows_is_held_against_what_is_pending(hand):
    hand.submit(ADDRESSES)
    author = hand.worker()
    one, *_ = hand.lease(author)
    send(hand, author, [one], ACCEPTED)
    numbers = [each.id for each in hand.messages()]
    found = hand.ask(pending_one.unrecorded, author.worker_id, numbers[:4])
    assert [each.messages for each in found] == [1, 1]
    assert hand.ask(pending_one.unrecorded, author.worker_id + 1, numbers) == []


def test_who_paused_a_delivery_and_when(hand):
    first, _ = hand.submit(), hand.submit()
    at = hand.clock.advance(5)
    hand.do(operator.steer, first, DeliveryEvent.PAUSED, at)
    assert hand.ask(pending.pauses, [first]) == {first: (at, "by an operator")}


# --- reports -------------------------------------------------------------------------------------


def beat(hand, author, news=NEWS):
    now = hand.clock.now()
    return hand.do(reports.beat, author.worker_id, 1, [], now, now + LEASE, news)


def lane(**changes) -> reports.LaneReport:
    return replace(reports.LaneReport(0, "127.0.1.1>a", IPS[0], waiting=3, taken=1), **changes)


def test_what_a_worker_tells_is_read_back(hand):
    author = hand.worker()
    told = lane(
        in_flight=2,
        slow=1,
        allowed=4,
        phases={"body": reports.Phase(1, 17.5), "idle": reports.Phase(2, 18.0)},
        tat=19.25,
        down_until=20.5,
        trouble=reports.Trouble("refused", "connect", Cause.DESTINATION_UNREACHABLE, 16.0),
    )
    words = modules.Words(12.0, "disk full", 7)
    assert beat(hand, author, reports.News(words, [told, lane(source_ip=IPS[1])]))
    found = hand.ask(reports.reports)
    assert found == [
        replace(told, worker_id=author.worker_id),
        lane(worker_id=author.worker_id, source_ip=IPS[1]),
    ]
    [worker] = hand.ask(modules.live_workers)
    assert (worker.progress_at, worker.trouble, worker.backlog) == (12.0, "disk full", 7)


def test_only_news_is_written_and_what_is_done_goes(hand):
    telling = reports.Telling()
    words = modules.Words()
    one, other = lane(), lane(source_ip=IPS[1])
    assert telling.news(words, [one, other]).changed == [one, other]
    assert telling.news(words, [one, other]).changed == [one, other], "the store did not have it"
    telling.told()
    assert telling.news(words, [one, other]).changed == []
    busier = replace(one, waiting=4)
    idle = replace(other, waiting=0, taken=0)
    assert telling.news(words, [busier, idle]) == reports.News(
        words, [busier], [("127.0.1.1>a", IPS[1])]
    )
    author = hand.worker()
    beat(hand, author, reports.News(words, [one, other]))
    beat(hand, author, telling.news(words, [busier, idle]))
    assert hand.ask(reports.reports) == [replace(busier, worker_id=author.worker_id)]


def test_reports_end_with_their_worker(hand):
    author, other = hand.worker(), hand.worker()
    for each in (author, other):
        beat(hand, each, reports.News(modules.Words(), [lane()]))
    hand.do(settlement.leave, author, hand.clock.now())
    assert [each.worker_id for each in hand.ask(reports.reports)] == [other.worker_id]
    hand.do(settlement.bury, other, [], lambda *_: None, hand.clock.now())
    assert hand.ask(reports.reports) == []
    assert beat(hand, other, reports.News(modules.Words(), [lane()])) is False
    assert hand.ask(reports.reports) == []


def test_who_beats_notes_the_others_clock(hand):
    author = hand.worker()
    process, early = modules.Process("host", 1, 1), hand.clock.now()
    hand.do(modules.announce_module, modules.SCHEDULER, process, "", early)
    hand.clock.advance(9)
    beat(hand, author)
    [worker] = hand.ask(modules.live_workers)
    assert worker.reference_at == early
    hand.do(modules.beat_module, modules.SCHEDULER, process, early + 1)  # its clock is behind
    [scheduler] = hand.ask(modules.modules)
    assert (scheduler.heartbeat_at, scheduler.reference_at) == (early + 1, early + 9)
