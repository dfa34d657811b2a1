"""No question is answered by reading a whole table of messages, parts or transitions.

As SQLite plans it without statistics, which is how every store of ours begins.
"""

import re

import pytest
from sqlalchemy import event

from affinity.lane import LaneKey
from affinity.warmup import account_of
from affinity.waves import Wave
from mail.cause import Cause
from mail.reason import Reason
from mail.states import DeliveryEvent, MessageStatus
from scheduler.decide.expire import expiry_event
from store import (
    ages,
    breaker,
    deliveries,
    expiry,
    leases,
    log,
    operator,
    parts,
    past,
    pending,
    pending_one,
    pending_plans,
    plans,
    progress,
    queues,
    quotas,
    replan,
    scheduling,
    waves,
)
from store.horizon import next_due
from store.schema import open_store
from tests.store.hand import DAY, IPS, Hand

WALK = re.compile(
    r"SCAN (message|part|transition)\b"
    # What is counted is counted in an index.
    r"(?! USING COVERING INDEX (message_retrying|part_queue)| USING INDEX message_pending)"
)


@pytest.fixture
def explained(migrated_file, tmp_path, clock):
    """A hand on SQLite and a function that runs an operation and returns its plans' lines."""
    file = tmp_path / "lab.db"
    file.write_bytes(migrated_file.read_bytes())
    store = open_store(f"sqlite:///{file}")
    hand = Hand(store, clock)
    hand.submit()
    seen = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, is_many):
        if not is_many and statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            seen.append((statement, parameters))

    def explain(operation, *args, **kwargs):
        seen.clear()
        hand.do(operation, *args, **kwargs)
        asked, lines = list(seen), []
        with store.engine.connect() as connection:
            for statement, parameters in asked:
                if "rollup_minute" not in statement:
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    lines += [row[3] for row in plan]
        return lines

    hand.do = store.write_now  # the invariants read all there is
    yield hand, explain
    store.close()


def test_nothing_is_walked_through(explained):
    hand, explain = explained
    now = hand.clock.now()
    author = hand.worker()
    filters = [
        log.Filter(delivery_id=1),
        log.Filter(status=MessageStatus.FAILED),
        log.Filter(status=MessageStatus.PENDING),
        log.Filter(reason=Reason.GREYLISTED),
    ]
    asked = [
        (scheduling.view, now, 64, 0.0, 2000),
        (parts.due, now, 2000),
        (parts.cut, [parts.Cut(1, "a", IPS, [1, 2])], {1: "a.test", 2: "a.test"}),
        (replan.astray, 1),
        (replan.undo, 1, [("a", "127.0.1.1")], now),
        (plans.every,),
        (plans.pending,),
        (plans.pending_by_domain, {1: ["a.test"]}),
        (leases.leased_to, author.worker_id),
        (leases.messages_of, [1, 2]),
        (leases.leases,),
        (queues.waiting,),
        (queues.unconfirmed,),
        (queues.retrying,),
        (queues.in_hand,),
        (pending.queued,),
        (pending.queued, 1),
        (pending.lent,),
        (pending.retrying, now),
        (pending.retrying, now, 1),
        (pending_plans.retries_by_plan, 1, "a", Cause.GREYLISTED, now),
        (pending_one.last_word, 1, "a", Cause.GREYLISTED),
        (pending_one.place_of, 1),
        (pending_one.unrecorded, author.worker_id, [1, 2]),
        (ages.origins,),
        (ages.by_domain,),
        (ages.of_open, now, [now]),
        (past.origins, now - 60.0),
        (deliveries.finish_complete, now),
        (waves.is_any_due, now),
        (waves.begin_due, now),
        (waves.ahead,),
        (progress.running,),
        (quotas.spent, 20_000),
        (breaker.seen, now, 270.0),
        (breaker.last_replies, LaneKey("127.0.1.1", "a")),
        (lambda tx: scheduling.view(tx, now, 64, with_running=True, quota_day=20_000),),
        (next_due, now, 15.0),
        (deliveries.discard_abandoned, now, now),
        (expiry.expire, now + 9 * DAY, 10, expiry_event),
    ]
    for operation, *args in asked:
        lines = explain(operation, *args)
        assert [each for each in lines if WALK.match(each)] == [], operation
    for each in filters:
        for read in (log.messages, log.transitions):
            lines = explain(read, each, limit=20, newest=True)
            assert [line for line in lines if WALK.match(line)] == [], each


def test_the_past_is_asked_of_the_messages_of_deliveries_that_were_not_over(explained):
    hand, explain = explained
    hand.lease(hand.worker())  # of what nothing was tried, counters tell
    at = hand.clock.now()
    for is_open in (False, True):
        origin = ages.Origin(1, "spring", "main", at, at, is_open)
        lines = " ".join(explain(past.pending, at, [origin], [at]))
        assert "SEARCH message USING INDEX message_by_delivery" in lines
        assert "SEARCH transition_1 USING INDEX transition_by_message" in lines
        assert not WALK.search(lines)


def test_what_is_over_is_not_looked_at_to_end_what_is_not(explained):
    hand, explain = explained
    lines = explain(expiry.waiting, 1, 10)
    assert any("INDEX message_pending" in each for each in lines)
    hand.do(operator.steer, 1, DeliveryEvent.CANCELLED, hand.clock.now())
    lines = explain(operator.withdraw_cancelled, 10, hand.clock.now())
    assert any("INDEX message_pending" in each for each in lines)


def test_pending_messages_of_some_domains_are_counted_in_an_index(explained):
    hand, explain = explained
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent)[:1])  # so that the counters do not tell
    lines = explain(plans.pending_by_domain, {1: ["a.test", "b.test"]})
    assert any("INDEX message_pending (delivery_id=? AND domain=?)" in each for each in lines)


def test_failed_messages_have_an_index_of_their_own(explained):
    hand, explain = explained
    author = hand.worker()
    from tests.store.hand import REFUSED

    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent, REFUSED), finished=[lent])
    wanted = log.Filter(status=MessageStatus.FAILED)
    lines = explain(log.messages, wanted, limit=20, newest=True)
    assert "SEARCH message USING INDEX message_unsent" in " ".join(lines)


def test_a_wave_begins_without_a_look_at_what_is_none_of_it(explained):
    hand, explain = explained
    now = hand.clock.now()
    hand.do(waves.create, 1, [Wave(0.0, 1), Wave(60.0, 1)], now)
    lines = explain(waves.begin_due, now + 60.0)
    assert [each for each in lines if WALK.match(each)] == []
    assert sum("SEARCH part" in each or "SEARCH message" in each for each in lines) == 2


def test_a_share_of_a_quota_is_lent_by_look_ups(explained):
    hand, explain = explained
    now, author = hand.clock.now(), hand.worker()
    way, whole = ("127.0.1.1", "a"), account_of("main")
    shares = quotas.Share(way, 20_000, 1), quotas.Share(whole, 20_000, 1)
    grant = leases.Grant(1, 1, author.worker_id, "127.0.1.1", "lane", "a", shares, 1)
    lines = explain(leases.lease, [grant], now, now + 15.0)
    assert [each for each in lines if WALK.match(each)] == []
    assert hand.ask(quotas.spent, 20_000) == {way: 1, whole: 1}


@pytest.mark.postgresql
def test_postgresql_can_answer_the_diagnosis_from_indexes(postgresql_server, clock):
    """A small table is read whole whatever there is: so it is told not to."""
    with postgresql_server.database() as url:
        store = open_store(url)
        hand = Hand(store, clock)
        hand.submit()
        seen = []

        @event.listens_for(store.engine, "before_cursor_execute")
        def note(_connection, _cursor, statement, parameters, _context, _is_many):
            if statement.startswith("SELECT"):
                seen.append((statement, parameters))

        now = clock.now()
        for operation, *args in (
            (pending.queued,),
            (pending.lent,),
            (pending.retrying, now),
            (pending_one.last_word, 1, "a", Cause.GREYLISTED),
            (pending_one.place_of, 1),
        ):
            store.read_now(operation, *args)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plans = [
                row[0]
                for statement, parameters in list(seen)
                for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            ]
        store.close()
    assert [each for each in plans if re.search(r"Seq Scan on (message|part)\b", each)] == []
    assert any("message_retrying" in each for each in plans)
    assert any("part_queue" in each for each in plans)
