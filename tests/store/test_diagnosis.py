"""The diagnosis on a store: every pending message is in one group, and one message agrees."""

import pytest

from affinity.breaker import Tripped
from affinity.configuration import Affinity, Configuration, MtaInstance, Route, SourceIp
from affinity.waves import Wave
from mail.cause import Cause
from mail.states import DeliveryEvent
from monitor.why.diagnosis import HostFacts, causes, diagnose
from monitor.why.host import KnownOutcomes
from store import (
    breaker,
    deliveries,
    lanes,
    leases,
    modules,
    operator,
    parts,
    reports,
    tables,
    waves,
)
from store.errors import UnknownDelivery, UnknownMessage
from tests.store.hand import IPS, LEASE
from tests.store.test_pending import ACCEPTED, ADDRESSES, GREYLISTED, pending_rows, send

CONFIGURATION = Configuration(
    mta={"m1": MtaInstance(affinities=("main",))},
    affinity={"main": Affinity(ip=tuple(SourceIp(address=each) for each in IPS))},
    route={
        "a": Route(domains=("a.test",), host="127.0.0.1:2525"),
        "b": Route(domains=("b.test",), host="127.0.0.1:2526"),
    },
)
PROCESS = modules.Process("host", 1, 1)


@pytest.fixture
def running(hand):
    """A hand on a store with a scheduler and a worker that live."""
    now = hand.clock.now()
    hand.do(modules.announce_module, modules.SCHEDULER, PROCESS, "", now)
    hand.author = hand.worker()
    return hand


def ask(hand, **how):
    return diagnose(hand.store, CONFIGURATION, hand.clock.now(), **how)


def beat(hand, *found):
    now = hand.clock.now()
    hand.do(modules.beat_module, modules.SCHEDULER, PROCESS, now)
    news = reports.News(modules.Words(), found)
    hand.do(reports.beat, hand.author.worker_id, 1, [], now, now + LEASE, news)


def test_a_stopped_lab(hand):
    hand.submit(ADDRESSES)
    hand.submit(ADDRESSES, wait=60.0)
    assert causes(ask(hand)) == {"contact_date_ahead": 5, "scheduler_not_running": 5}


def test_groups_hold_all_that_is_pending_and_one_message_is_judged_as_its_group(running):
    hand = running
    hand.submit(ADDRESSES)
    paused = hand.submit(ADDRESSES)
    hand.do(operator.steer, paused, DeliveryEvent.PAUSED, hand.clock.now())
    hand.add(hand.create(), ["z@a.test"])
    one, _, _ = hand.lease(hand.author, f"{IPS[0]}>a")
    send(hand, hand.author, [one], GREYLISTED, retry_in=600.0)
    hand.clock.advance(2)
    beat(hand, reports.LaneReport(hand.author.worker_id, f"{IPS[0]}>a", IPS[0], 1, 2))
    found = ask(hand)
    assert found.messages == pending_rows(hand) == 11
    expected = {
        "delivery_not_confirmed": 1,
        "delivery_paused": 5,
        "greylisted": 2,
        "ready": 1,
        "in_flight": 2,
    }
    assert causes(found) == expected
    alone: dict[str, int] = {}
    for each in hand.messages():
        answer = ask(hand, message=each.id)
        [one] = answer.findings
        assert len(answer.chain) == len(Cause)
        alone[one.code] = alone.get(one.code, 0) + 1
    assert alone == expected
    assert causes(ask(hand, delivery=paused)) == {"delivery_paused": 5}


def test_of_a_part_in_hand_the_last_messages_wait(running):
    hand = running
    hand.submit([f"u{number}@a.test" for number in range(4)], part_size=4)
    [lent] = hand.lease(hand.author, f"{IPS[0]}>a")
    hand.clock.advance(2)
    beat(hand, reports.LaneReport(hand.author.worker_id, lent.lane, IPS[0], 1, 2))
    found = [ask(hand, message=each.id).findings[0].code for each in hand.messages()]
    assert found == ["in_flight", "in_flight", "in_flight", "ready"]


def test_what_a_journal_knows_of_a_silent_worker_is_told_apart(running):
    hand = running
    hand.submit(["a@a.test", "b@a.test"])
    hand.lease(hand.author)
    hand.clock.advance(8)
    hand.do(modules.beat_module, modules.SCHEDULER, PROCESS, hand.clock.now())
    hand.do(modules.announce_instance, "m1", ["main"], 1, PROCESS, hand.clock.now())
    first, second = (each.id for each in hand.messages())
    seen = HostFacts(journals={hand.author.worker_id: KnownOutcomes("j.log", (first, 99))})
    assert causes(ask(hand, seen=seen)) == {"lease_of_dead_worker": 1, "outcome_not_recorded": 1}
    assert ask(hand, message=first, seen=seen).findings[0].code == "outcome_not_recorded"
    assert ask(hand, message=second, seen=seen).findings[0].code == "lease_of_dead_worker"


def test_what_no_route_leads_out_and_what_the_masks_refuse(running):
    hand = running
    delivery = hand.create()
    hand.add(delivery, ["a@c.test"], source_ips=())
    hand.add(delivery, ["a@b.test"], source_ips=())

    def regroup(tx):
        for table in (tables.part, tables.message):
            change = table.update().where(table.c.mx_group == "c").values(mx_group="c.test")
            tx.connection.execute(change)

    hand.store.write_now(regroup)
    hand.do(deliveries.confirm, delivery, hand.clock.now())
    excluding = tuple(SourceIp(address=each, exclude=("b.test",)) for each in IPS)
    masked = CONFIGURATION.model_copy(update={"affinity": {"main": Affinity(ip=excluding)}})
    found = diagnose(hand.store, masked, hand.clock.now())
    assert causes(found) == {"no_source_ip_for_domain": 1, "no_mx": 1}
    [refused] = [each for each in found.findings if each.cause is Cause.NO_SOURCE_IP_FOR_DOMAIN]
    assert refused.evidence["domain"] == "b.test"


def test_a_retry_that_is_due_is_about_to_be_handed_out(running):
    hand = running
    hand.submit(["a@a.test"])
    send(hand, hand.author, hand.lease(hand.author), GREYLISTED, retry_in=10.0)
    due = hand.clock.now() + 10
    [waiting] = ask(hand).findings
    assert (waiting.code, waiting.earliest_at) == ("greylisted", due)
    hand.clock.advance(10)
    beat(hand)
    [ready] = ask(hand).findings
    assert (ready.code, ready.words) == ("ready", "due, about to be handed out")
    number = hand.messages()[0].id
    assert ask(hand, message=number).findings[0].code == "ready"


def test_what_is_not_pending_waits_for_nothing(running):
    hand = running
    hand.submit(["a@a.test"])
    send(hand, hand.author, hand.lease(hand.author), ACCEPTED)
    assert ask(hand, message=hand.messages()[0].id).findings == ()
    assert causes(ask(hand)) == {}


def test_an_unknown_number_is_an_error(hand):
    with pytest.raises(UnknownMessage):
        ask(hand, message=5)
    with pytest.raises(UnknownDelivery):
        ask(hand, delivery=5)


def test_what_belongs_to_a_later_wave_waits_for_it_by_wave(running):
    hand = running
    now, delivery = hand.clock.now(), hand.create()
    planned = [Wave(0.0, 1), Wave(600.0, 2), Wave(1200.0, 1)]
    hand.do(waves.create, delivery, planned, now)
    names = iter("abcd")
    new = [
        parts.NewPart(
            "a",
            IPS,
            [parts.NewMessage(f"{next(names)}@a.test", "a.test", "{}") for _ in range(count)],
            wave=number,
            is_held=number > 1,
        )
        for number, count in ((1, 1), (2, 2), (3, 1))
    ]
    hand.do(parts.add, delivery, new, now)
    hand.do(deliveries.confirm, delivery, now)
    found = ask(hand)
    assert causes(found) == {"wave_not_due": 3, "ready": 1}
    starts = {
        each.evidence["wave"]: (each.messages, each.earliest_at)
        for each in found.findings
        if each.cause is Cause.WAVE_NOT_DUE
    }
    assert starts == {2: (2, now + 600), 3: (1, now + 1200)}
    numbers = [each.id for each in hand.messages()]
    assert [ask(hand, message=each).findings[0].code for each in numbers] == [
        "ready",
        *["wave_not_due"] * 3,
    ]
    hand.do(waves.begin, delivery, 2, "ann", now)
    assert causes(ask(hand)) == {"wave_not_due": 1, "ready": 3}


def test_only_so_many_deliveries_may_start(running):
    hand = running
    first, second = hand.submit(), hand.submit()
    limited = CONFIGURATION.model_copy(
        update={"scheduler": CONFIGURATION.scheduler.model_copy(update={"max_deliveries": 1})}
    )

    def found():
        return causes(diagnose(hand.store, limited, hand.clock.now()))

    assert found() == {"ready": 4}, "nothing is under way yet"
    now = hand.clock.now()
    [one, *_] = [each for each in hand.grants(hand.author) if each.delivery_id == first]
    hand.do(leases.lease, [one], now, now + LEASE)
    assert found() == {"concurrency_limit": 2, "in_flight": 2}
    assert causes(ask(hand, delivery=second)) == {"ready": 2}, "without the limit"


def test_a_lane_that_the_breaker_shut_is_told_from_one_that_somebody_suspended(running):
    hand = running
    hand.submit(["a@a.test"])
    now = hand.clock.now()
    lanes_of_a = [f"{ip}>a" for ip in IPS]
    shut = [Tripped(each, 380, 400) for each in lanes_of_a]
    hand.do(breaker.shut, shut, now + 600, now)
    [found] = ask(hand).findings
    assert (found.code, found.earliest_at) == ("destination_breaker", now + 600)
    assert found.evidence["errors"] == 380
    hand.do(lanes.suspend, lanes_of_a, now + 60, "blocked", "ann", now)
    assert causes(ask(hand)) == {"lane_suspended": 1}
