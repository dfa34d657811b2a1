"""create, add, confirm, discard: how a delivery comes to be, or does not."""

import pytest
from sqlalchemy import select

from mail.errors import IllegalTransition
from mail.reason import FailureType, Reason
from store import addresses, audit, deliveries, leases, parts, queues, replan, tables
from store.errors import SubmissionGone, UnknownDelivery
from tests.store.hand import IPS


def quarantine(hand, *chosen):
    errors = [
        addresses.AddressError(
            each, FailureType.HARD, Reason.USER_UNKNOWN, "who?", 99, hand.clock.now()
        )
        for each in chosen
    ]
    hand.do(addresses.count_errors, errors)


def test_a_delivery_is_edited_until_it_is_confirmed(hand):
    delivery_id = hand.create()
    hand.add(delivery_id, ["x@a.test", "y@a.test", "z@a.test"])
    assert hand.delivery_status(delivery_id) == "editing"
    assert hand.queued() == []
    assert hand.ask(deliveries.get, delivery_id).counts == {}

    analysis = hand.do(deliveries.confirm, delivery_id, hand.clock.now())

    assert analysis == deliveries.Analysis(messages=3, duplicates=0, quarantined=0)
    found = hand.ask(deliveries.get, delivery_id)
    assert (found.status, found.messages, found.counts) == ("start_pending", 3, {"pending": 3})
    assert [each.size for each in hand.queued()] == [2, 1]
    notes = hand.ask(audit.entries, delivery_id=delivery_id)
    assert [each.text for each in notes] == [
        "editing → ready",
        "ready → start_pending: 3 messages to send",
    ]


def test_its_source_is_kept_byte_for_byte(hand, clock):
    source = bytes(range(256)) * 3
    new = deliveries.NewDelivery("x", "main", 3, 8, 1.0, 2.0, 3.0, "é 'mail'.eml", source)
    delivery_id = hand.do(deliveries.create, new)
    assert hand.ask(deliveries.source_of, delivery_id) == ("é 'mail'.eml", source)


def test_each_domain_remembers_what_it_was_planned_with(hand):
    delivery_id = hand.submit(["x@a.test", "y@b.test", "z@a.test"])
    assert hand.ask(replan.planned, delivery_id) == [
        replan.Planned(delivery_id, "main", "a.test", "a", IPS),
        replan.Planned(delivery_id, "main", "b.test", "b", IPS),
    ]
    assert hand.ask(replan.standing) == [(delivery_id, 0)]


def test_a_part_without_source_ips_is_held_until_its_plan_changes(hand):
    delivery_id = hand.create()
    hand.add(delivery_id, ["x@a.test"], source_ips=())
    hand.do(deliveries.confirm, delivery_id, hand.clock.now())
    assert hand.queued() == []
    assert [each.source_ips for each in hand.ask(queues.waiting)] == [()]
    plan = replan.Planned(delivery_id, "main", "a.test", "a", IPS)
    assert hand.do(replan.replan, [plan], hand.clock.now()) == 1
    hand.cut()
    assert [each.source_ips for each in hand.queued()] == [IPS]


def test_what_waits_for_one_set_of_source_ips_hides_no_other(hand):
    delivery_id = hand.create()
    hand.add(delivery_id, [f"{n}@a.test" for n in range(20)], source_ips=IPS[:1])
    hand.add(delivery_id, ["x@a.test"], source_ips=IPS)
    hand.do(deliveries.confirm, delivery_id, hand.clock.now())
    assert [each.source_ips for each in hand.queued(per_way=2)] == [IPS[:1], IPS[:1], IPS]


def test_a_submission_that_was_killed_is_taken_back(hand, clock):
    kept, killed = hand.create(), hand.create()
    hand.add(killed, ["x@a.test"])
    clock.advance(60)
    hand.add(kept, ["x@a.test"])
    clock.advance(60)
    assert hand.do(deliveries.discard_abandoned, clock.now() - 100, clock.now()) == [killed]
    assert hand.delivery_status(killed) == "failed"
    assert {each.delivery_id for each in hand.messages()} == {kept}
    with pytest.raises(SubmissionGone):
        hand.add(killed, ["y@a.test"])
    with pytest.raises(SubmissionGone):
        hand.do(deliveries.confirm, killed, clock.now())
    hand.add(kept, ["y@a.test"])
    hand.do(deliveries.confirm, kept, clock.now())


def test_only_the_first_message_to_an_address_is_sent(hand):
    delivery_id = hand.create()
    hand.add(delivery_id, ["x@a.test", "X@a.test", "x@a.test", "y@a.test", "x@a.test"])
    analysis = hand.do(deliveries.confirm, delivery_id, hand.clock.now())

    assert analysis == deliveries.Analysis(messages=5, duplicates=2, quarantined=0)
    assert hand.statuses() == ["pending", "pending", "ignored", "pending", "ignored"]
    excluded = hand.transitions()
    assert [each.message_id for each in excluded] == [3, 5]
    assert {(each.event, each.reason, each.attempt) for each in excluded} == {
        ("excluded", Reason.DUPLICATE, 0)
    }
    assert hand.ask(deliveries.get, delivery_id).counts == {"pending": 3, "ignored": 2}


def test_the_same_address_in_another_delivery_is_no_duplicate(hand):
    hand.submit(["x@a.test"])
    hand.submit(["x@a.test"])
    assert hand.statuses() == ["pending", "pending"]


def test_a_quarantined_address_is_not_sent_to(hand):
    quarantine(hand, "y@a.test", "elsewhere@a.test")
    delivery_id = hand.create()
    hand.add(delivery_id, ["x@a.test", "y@a.test", "Y@a.test"])
    analysis = hand.do(deliveries.confirm, delivery_id, hand.clock.now())

    assert analysis == deliveries.Analysis(messages=3, duplicates=0, quarantined=1)
    assert hand.statuses() == ["pending", "ignored", "pending"]
    assert [each.reason for each in hand.transitions()] == [Reason.QUARANTINED]


def test_a_quarantined_duplicate_is_excluded_once(hand):
    quarantine(hand, "x@a.test")
    delivery_id = hand.submit(["x@a.test", "x@a.test"])
    assert [each.reason for each in hand.messages()] == [Reason.QUARANTINED, Reason.DUPLICATE]
    assert len(hand.transitions()) == 2
    assert hand.ask(deliveries.get, delivery_id).counts["ignored"] == 2


def test_parts_shrink_with_what_is_excluded_and_empty_ones_go(hand):
    quarantine(hand, "c@a.test", "d@a.test")
    hand.submit(["a@a.test", "a@a.test", "c@a.test", "d@a.test", "e@a.test"])
    assert [each.size for each in hand.queued()] == [1, 1]
    assert [(each.parts, each.messages) for each in hand.ask(queues.waiting)] == [(2, 2)]


def test_a_delivery_of_which_nothing_is_left_finishes(hand, clock):
    quarantine(hand, "x@a.test")
    delivery_id = hand.submit(["x@a.test"])
    assert hand.queued() == []
    assert hand.do(deliveries.finish_complete, clock.now()) == [delivery_id]
    assert hand.delivery_status(delivery_id) == "finished"


def test_a_delivery_to_nobody_finishes(hand, clock):
    delivery_id = hand.create()
    assert hand.do(deliveries.confirm, delivery_id, clock.now()).messages == 0
    assert hand.do(deliveries.finish_complete, clock.now()) == [delivery_id]


def test_confirming_twice_is_illegal_and_changes_nothing(hand, clock):
    delivery_id = hand.submit()
    before = hand.everything()
    with pytest.raises(IllegalTransition, match="start_pending cannot be analysed"):
        hand.do(deliveries.confirm, delivery_id, clock.now())
    assert hand.everything() == before


@pytest.mark.parametrize(
    "operation",
    [
        lambda tx: deliveries.confirm(tx, 4711, 1.0),
        lambda tx: deliveries.get(tx, 4711),
        lambda tx: deliveries.source_of(tx, 4711),
        lambda tx: deliveries.discard(tx, 4711, 1.0, "why"),
    ],
)
def test_a_delivery_that_does_not_exist_is_named(hand, operation):
    with pytest.raises(UnknownDelivery, match="there is no delivery 4711"):
        hand.do(operation)


def test_discarding_leaves_only_the_delivery_and_its_audit(hand, clock):
    kept = hand.submit(["x@a.test"])
    before = hand.everything()
    delivery_id = hand.create()
    hand.add(delivery_id, ["x@a.test", "y@b.test"])
    hand.do(deliveries.discard, delivery_id, clock.now(), "line 7: no address")

    after = hand.everything()
    for name in before.keys() - {"delivery", "audit"}:
        assert after[name] == before[name]
    assert hand.delivery_status(delivery_id) == "failed"
    assert hand.ask(audit.entries, delivery_id=delivery_id)[-1].text == (
        "editing → failed: line 7: no address"
    )
    assert hand.delivery_status(kept) == "start_pending"


def test_what_is_confirmed_cannot_be_discarded(hand, clock):
    delivery_id = hand.submit()
    before = hand.everything()
    with pytest.raises(IllegalTransition):
        hand.do(deliveries.discard, delivery_id, clock.now(), "too late")
    assert hand.everything() == before


def test_deliveries_are_found_newest_first(hand):
    numbers = [hand.submit() for _ in range(4)]

    def ids(**how):
        return [each.id for each in hand.ask(deliveries.find, **how)]

    assert ids() == numbers[::-1]
    assert ids(newest_first=False, limit=2) == numbers[:2]
    assert ids(ids=numbers[1:3]) == [numbers[2], numbers[1]]
    assert ids(ids=[]) == []


@pytest.mark.parametrize(
    "odd",
    [
        "o'brien",
        'say "hi"; DROP TABLE message; --',
        "tab\there\nnewline\\N \\. back\\slash",
        "Ünïcødé 日本語 🎉 \u200f\u2028",
        "%s {} :name ? $1",
        "\x01\x7f",
        "x" * 100_000,
        "",
    ],
    ids=["quote", "sql", "copy", "unicode", "marks", "control", "long", "empty"],
)
def test_odd_text_comes_back_as_it_went(hand, clock, odd):
    delivery_id = hand.create()
    new = parts.NewPart("a", IPS, [parts.NewMessage(f"{odd}@a.test", "a.test", odd)])
    hand.do(parts.add, delivery_id, [new], clock.now())
    hand.do(deliveries.confirm, delivery_id, clock.now())
    message = tables.message
    found = hand.ask(
        lambda tx: tx.connection.execute(select(message.c.address, message.c.fields)).one()
    )
    assert tuple(found) == (f"{odd}@a.test", odd)
    (lent,) = hand.lease(hand.worker())
    assert [each.fields for each in hand.ask(leases.messages_of, [lent.part_id])[1]] == [odd]


def test_nothing_to_add_adds_nothing(hand, clock):
    delivery_id = hand.create()
    hand.do(parts.add, delivery_id, [], clock.now())
    assert hand.count(tables.message) == 0
