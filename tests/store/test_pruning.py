"""Old rows go, and nothing else does."""

import contextlib

import pytest
from sqlalchemy import insert, select

from mail.states import DeliveryEvent
from store import (
    audit,
    contents,
    deliveries,
    modules,
    operator,
    pruning,
    pruning_deliveries,
    retention,
    tables,
    webhooks,
)
from store.errors import CannotNow, UnknownDelivery
from store.schema import open_store
from tests.store.hand import DAY, UNKNOWN_USER, Hand

HOUR = 3600.0


def prune(hand, kind, before=None):
    """All steps of a kind; returns how many rows went. Counters are held against rows nowhere."""
    gone, after, now = 0, 0, hand.clock.now()
    while after is not None:
        step = hand.store.write_now(
            pruning.take, kind, now if before is None else before, after, now
        )
        gone, after = gone + step.rows, step.after
    return gone


def sent(hand, author, addresses=("x@a.test", "y@a.test"), verdict=None):
    """A delivery that is over."""
    delivery_id = hand.submit(addresses)
    for lent in hand.lease(author):
        outcomes = hand.outcomes(lent) if verdict is None else hand.outcomes(lent, verdict)
        hand.settle(author, outcomes, finished=[lent])
    hand.finish()
    assert hand.delivery_status(delivery_id) == "finished"
    hand.clock.advance(HOUR)
    return delivery_id


@pytest.fixture
def author(hand):
    return hand.worker()


def insert_rows(hand, table, *rows):
    hand.store.write_now(lambda tx: tx.connection.execute(insert(table), list(rows)))


def test_messages_of_old_deliveries_go_with_their_transitions(hand, author, monkeypatch):
    monkeypatch.setattr(pruning_deliveries, "MESSAGES_MAX", 2)
    first = sent(hand, author, [f"u{n}@a.test" for n in range(5)])
    before = hand.clock.now()
    second = sent(hand, author)
    assert hand.ask(pruning.count, "delivery_logs", before) == 5
    assert prune(hand, "delivery_logs", before) == 5
    assert prune(hand, "delivery_logs", before) == 0
    assert {each.delivery_id for each in hand.messages()} == {second}
    assert {each.delivery_id for each in hand.transitions()} == {second}
    kept = hand.ask(deliveries.get, first)
    assert (kept.messages, kept.counts["sent"]) == (5, 5)  # its counters stay
    assert hand.ask(retention.pruned) == {first}


def test_what_is_not_over_is_left_however_old(hand, author):
    waiting = hand.submit(["w@a.test"])
    paused = hand.submit(["p@a.test"])
    hand.do(operator.steer, paused, DeliveryEvent.PAUSED, hand.clock.now())
    hand.clock.advance(400 * DAY)
    sent(hand, author, ["later@b.test"])
    assert prune(hand, "delivery_logs") == 0
    assert hand.statuses(delivery_id=paused) == ["pending"]
    assert hand.statuses(delivery_id=waiting) == ["pending"]


def test_a_cancelled_delivery_waits_for_what_workers_hold(hand, author):
    delivery_id = hand.submit(["x@a.test"])
    [lent] = hand.lease(author)
    hand.do(operator.steer, delivery_id, DeliveryEvent.CANCELLED, hand.clock.now())
    sent(hand, hand.worker("m2"), ["later@b.test"])
    with pytest.raises(CannotNow, match="not over"):
        hand.do(retention.delete, [delivery_id], "me", hand.clock.now())
    assert prune(hand, "delivery_logs") == 0
    hand.settle(author, hand.outcomes(lent), finished=[lent])
    sent(hand, author, ["newest@b.test"])
    assert prune(hand, "delivery_logs") == 2  # it, and the one before the newest


def test_numbers_are_never_given_twice(hand, author):
    first, second = sent(hand, author), sent(hand, author)
    highest = max(each.id for each in hand.messages())
    hand.do(retention.delete, [first, second], "me", hand.clock.now())
    hand.clock.advance(1)
    prune(hand, "deleted")
    assert {each.delivery_id for each in hand.messages()} == {second}  # spared: it is the newest
    third = hand.store.write_now(lambda tx: _submit(tx, hand))
    assert third > second
    assert min(each.id for each in hand.messages(delivery_id=third)) > highest


def _submit(tx, hand):
    now = hand.clock.now()
    new = deliveries.NewDelivery("x", "main", 0, 2, now, now, now + DAY, "m", b"")
    delivery_id = deliveries.create(tx, new)
    row = {"address": "z@a.test", "domain": "a.test", "mx_group": "a", "fields": "{}"}
    rest = {"status": "pending", "attempts": 0, "changed_at": now, "next_attempt_at": now}
    tx.connection.execute(insert(tables.message).values(delivery_id=delivery_id, **row, **rest))
    return delivery_id


def test_a_deleted_delivery_is_hidden_and_restored(hand, author):
    first, second = sent(hand, author), sent(hand, author)
    assert hand.do(retention.delete, [first, first], "me", hand.clock.now()) == [first]
    assert hand.do(retention.delete, [first], "me", hand.clock.now()) == []
    assert [each.id for each in hand.ask(deliveries.find)] == [second]
    assert [each.delivery_id for each in hand.ask(retention.deleted)] == [first]
    hand.do(retention.restore, [first], hand.clock.now())
    assert [each.id for each in hand.ask(deliveries.find)] == [second, first]
    with pytest.raises(CannotNow, match="not deleted"):
        hand.do(retention.restore, [first], hand.clock.now())


def test_deleting_is_for_all_or_none(hand, author):
    first = sent(hand, author)
    with pytest.raises(UnknownDelivery):
        hand.do(retention.delete, [first, 99], "me", hand.clock.now())
    assert hand.ask(retention.deleted) == []


def test_failed_messages_of_a_deleted_delivery_are_not_retried(hand, author):
    first = sent(hand, author, ["gone@a.test"], UNKNOWN_USER)
    hand.do(retention.delete, [first], "me", hand.clock.now())
    wanted = operator.log.Filter(delivery_id=first)
    step = hand.do(operator.retry, wanted, 0, 10, hand.clock.now(), DAY)
    assert step.changed == 0
    assert hand.delivery_status(first) == "finished"


def test_all_that_is_a_deliverys_goes_with_it(hand, author, monkeypatch):
    monkeypatch.setattr(pruning_deliveries, "ROWS_MAX", 1)
    first = sent(hand, author)
    number = hand.messages()[0].id
    insert_rows(
        hand,
        tables.tracked_url,
        *(
            {
                "delivery_id": first,
                "number": n,
                "url": "u",
                "label": "",
                "category": "",
                "mode": "enabled",
                "kind": 1,
            }
            for n in (1, 2)
        ),
    )
    insert_rows(hand, tables.tracked_message, {"message_id": number, "delivery_id": first})
    insert_rows(
        hand, tables.visitor, {"delivery_id": first, "person": "p", "clicked_at": hand.clock.now()}
    )
    second = sent(hand, author)
    hand.do(retention.delete, [first], "me", hand.clock.now())
    assert prune(hand, "deleted", hand.clock.now() - 1) == 0  # not yet
    hand.clock.advance(1)
    counted = hand.ask(pruning.count, "deleted", hand.clock.now())
    assert prune(hand, "deleted") == counted
    for name, rows in hand.everything().items():
        if name in ("audit", "address", "rollup_path"):  # what is not the delivery's own
            continue
        assert first not in {getattr(row, "delivery_id", None) for row in rows}, name
    assert [each.id for each in hand.ask(deliveries.find, ids=[first, second])] == [second]
    last = hand.ask(audit.entries, delivery_id=first)[-1]
    assert last.text == "purged: spring"


def test_what_is_being_purged_cannot_be_restored(hand, author, monkeypatch):
    monkeypatch.setattr(pruning_deliveries, "MESSAGES_MAX", 1)
    first = sent(hand, author)
    sent(hand, author)
    hand.do(retention.delete, [first], "me", hand.clock.now())
    now = hand.clock.advance(1)
    hand.store.write_now(pruning.take, "deleted", now, 0, now)
    with pytest.raises(CannotNow, match="purged"):
        hand.store.write_now(retention.restore, [first], now)
    prune(hand, "deleted")  # the next run goes on
    assert [each.id for each in hand.ask(deliveries.find, ids=[first])] == []


def test_contents_go_with_the_last_of_their_messages(hand, author):
    first, second = sent(hand, author), sent(hand, author)
    content = contents.Content(b"x", needs_smtputf8=False)
    shared = hand.store.write_now(contents.keep, content, 0.0)
    lone = hand.store.write_now(contents.keep, content, 0.0)
    newest = hand.store.write_now(contents.keep, content, 0.0)
    one, two = hand.messages(delivery_id=first)
    later = hand.messages(delivery_id=second)[0]

    def give(tx):
        for message, number in ((one, shared), (two, lone), (later, shared)):
            table = tables.message
            tx.connection.execute(
                table.update().where(table.c.id == message.id).values(content_id=number)
            )

    hand.store.write_now(give)
    prune(hand, "delivery_logs", hand.clock.now() - HOUR)
    left = hand.ask(lambda tx: set(tx.connection.execute(select(tables.content.c.id)).scalars()))
    assert left == {shared, newest}


def test_lines_of_the_audit_go_by_age_but_for_the_newest(hand, monkeypatch):
    monkeypatch.setattr(pruning, "ROWS_MAX", 2)
    for n in range(5):
        hand.store.write_now(audit.note, float(n), f"line {n}")
    assert hand.ask(pruning.count, "audit", 3.0) == 3
    assert prune(hand, "audit", 3.0) == 3
    assert [each.text for each in hand.ask(audit.entries)] == ["line 3", "line 4"]
    assert prune(hand, "audit", 99.0) == 1


def test_the_audit_of_a_delivery_under_way_stays(hand, author):
    hand.submit()
    hand.store.write_now(audit.note, hand.clock.now(), "newest")
    hand.clock.advance(400 * DAY)
    assert prune(hand, "audit") == 0


def test_counters_go_by_their_time(hand):
    row = {"mta": "m", "worker_id": 1, "source_ip": "i", "mx_group": "g"}
    sums = {"sent": 1, "deferred": 0, "failed": 0, "bytes": 1}
    insert_rows(hand, tables.rollup_minute, *({"minute": m, **row, **sums} for m in (1, 2, 3)))
    insert_rows(hand, tables.quota, {"source_ip": "i", "mx_group": "g", "day": 0, "used": 1})
    assert prune(hand, "counters", 121.0) == 1
    assert hand.count(tables.quota) == 1
    assert hand.ask(pruning.count, "counters", DAY) == 3
    assert prune(hand, "counters", DAY) == 3


def test_workers_that_ended_go_but_not_the_newest(hand):
    first, second, third = (hand.worker().worker_id for _ in range(3))
    for each in (first, third):
        hand.do(modules.end_worker, each, modules.STOPPED, hand.clock.now())
    hand.clock.advance(1)
    assert prune(hand, "workers") == 1
    assert [each.id for each in hand.ask(modules.all_workers)] == [second, third]


def test_addresses_in_quarantine_stay(hand, author):
    sent(hand, author, ["gone@a.test"], UNKNOWN_USER)
    row = {"errors": 1, "reason": 2, "text": "", "delivery_id": 1, "counted_at": 0.0}
    insert_rows(hand, tables.address, {"address": "soft@a.test", "status": "with_errors", **row})
    hand.clock.advance(400 * DAY)
    assert prune(hand, "addresses") == 1
    assert hand.count(tables.address) == 1


def test_tables_that_name_a_delivery_are_its_own_or_known_not_to_be():
    named = {name for name, table in tables.metadata.tables.items() if "delivery_id" in table.c}
    own = {table.name for table in pruning_deliveries.of_delivery()}
    assert named == own | (pruning_deliveries.OTHERS & named) | {"message", "transition"}


def test_every_kind_finds_nothing_in_an_empty_store(hand):
    for kind in pruning.KINDS:
        assert hand.ask(pruning.count, kind, 1e12) == 0
        assert prune(hand, kind, 1e12) == 0


def test_a_step_that_is_broken_off_changed_nothing(hand, author, monkeypatch):
    first = sent(hand, author)
    sent(hand, author)
    before = hand.everything()

    def fail(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(pruning_deliveries, "_note_pruned", fail)
    with pytest.raises(KeyboardInterrupt):
        prune(hand, "delivery_logs")
    assert hand.everything() == before
    monkeypatch.undo()
    assert prune(hand, "delivery_logs") == 2
    assert hand.ask(retention.pruned) == {first}


def test_a_store_in_memory_is_pruned_as_any_other(clock):
    with contextlib.closing(open_store("sqlite://", inline=True)) as store:
        hand = Hand(store, clock)
        author = hand.worker()
        first, second = sent(hand, author), sent(hand, author)
        hand.do(retention.delete, [first], "me", clock.now())
        clock.advance(400 * DAY)
        for kind in pruning.KINDS:
            counted = hand.ask(pruning.count, kind, clock.now())
            assert prune(hand, kind) == counted
        assert [each.id for each in hand.ask(deliveries.find)] == [second]
        assert hand.ask(retention.deleted) == []


def test_what_a_webhook_is_still_to_be_told_stays(hand, author):
    first, second = sent(hand, author), sent(hand, author)
    sent(hand, author)
    mine, other = (hand.transitions(delivery_id=each) for each in (first, second))
    log = {"message_id": 1, "url": 1, "kind": 2, "at": 0.0, "person": "", "agent": "", "ip": ""}
    insert_rows(
        hand,
        tables.tracking_log,
        *({"event": str(n), "delivery_id": first, **log} for n in range(4)),
    )
    told = webhooks.Cursor(mine[0].id, 2)
    hand.store.write_now(webhooks.begin, "crm", "salt", told)
    assert hand.ask(pruning.count, "delivery_logs", hand.clock.now()) == 1
    assert prune(hand, "delivery_logs") == 1
    assert [each.id for each in hand.messages(delivery_id=first)] == [mine[1].message_id]
    assert prune(hand, "tracking_logs") == 2
    hand.store.write_now(retention.delete, [first], "me", hand.clock.now())
    hand.clock.advance(1)
    assert prune(hand, "deleted") == 0
    hand.store.write_now(webhooks.forget, "crm")
    insert_rows(hand, tables.tracking_log, {"event": "z", "delivery_id": second, **log})
    assert prune(hand, "deleted") > 1
    assert prune(hand, "delivery_logs") == len(other)
