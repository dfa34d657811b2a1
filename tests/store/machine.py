"""A model of the store that is too simple to be wrong, and rules that move both.

The model knows of each message its status and its attempts, of each delivery its status, and who
holds what. It knows no parts in a queue, no counters and no transition rows: those are held to by
``invariants``, which the hand checks after each step.
"""

import contextlib
import sys
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mail.outcome import Verdict
from mail.states import (
    DeliveryEvent,
    DeliveryStatus,
    MessageEvent,
    MessageStatus,
    delivery_after,
    message_after,
)
from scheduler.decide.expire import expiry_event
from store import deliveries, leases, replan, settlement, transitions
from store.engine import Tx
from store.schema import open_store
from tests.fakes.clock import FakeClock
from tests.store.hand import ACCEPTED, DAY, DEFERRED, LEASE, REFUSED, UNKNOWN_USER, Hand

PENDING = MessageStatus.PENDING
WAITING = (*deliveries.ACTIVE, DeliveryStatus.PAUSED)

verdicts = st.sampled_from([ACCEPTED, DEFERRED, REFUSED, UNKNOWN_USER])
recipients = st.lists(
    st.builds("{}@{}.test".format, st.integers(0, 5), st.sampled_from("ab")),
    min_size=1,
    max_size=6,
)


@dataclass
class Message:
    delivery_id: int
    address: str
    status: MessageStatus = PENDING
    attempts: int = 0


@dataclass
class Delivery:
    expires_at: float
    status: DeliveryStatus = DeliveryStatus.START_PENDING


@dataclass
class Held:
    """A lease as its worker sees it: ``unanswered`` maps message numbers to outcomes in spe."""

    author: transitions.Author
    lent: leases.LeasedPart
    unanswered: dict[int, transitions.Outcome] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int, int]:
        return self.lent.part_id, self.lent.epoch, self.author.worker_id


class StoreMachine(RuleBasedStateMachine):
    """Submits, leases, reports, replays, crashes, expires and retries, in any order."""

    def __init__(self, new_database) -> None:
        super().__init__()
        self._leaving = contextlib.ExitStack()
        store = open_store(self._leaving.enter_context(new_database()))
        self._leaving.callback(store.close)
        self.clock = FakeClock()
        self.hand = Hand(store, self.clock)
        self.messages: dict[int, Message] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.quarantined: set[str] = set()
        self.workers = [self.hand.worker("m1"), self.hand.worker("m2")]
        self.held: list[Held] = []
        self.over: list[tuple[transitions.Author, leases.LeasedPart, list]] = []
        self.reports: list[tuple[transitions.Author, settlement.Settlement]] = []

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # a step that failed has said enough
                self._bring_everything_to_its_end()
        finally:
            self._leaving.close()

    # -- rules ---------------------------------------------------------------------------------

    @rule(
        addresses=recipients,
        part_size=st.integers(1, 3),
        validity=st.sampled_from([600.0, 2 * 3600.0, DAY]),
    )
    def submit(self, addresses, part_size, validity):
        delivery_id = self.hand.create(part_size=part_size, validity=validity)
        self.hand.add(delivery_id, addresses, part_size)
        self.hand.do(deliveries.confirm, delivery_id, self.clock.now())
        self.deliveries[delivery_id] = Delivery(self.clock.now() + validity)
        seen = set()
        for each in self.hand.messages(delivery_id=delivery_id):
            new = self.messages[each.id] = Message(delivery_id, each.address)
            if each.address in seen | self.quarantined:
                new.status = MessageStatus.IGNORED
            seen.add(each.address)

    @rule(data=st.data(), worker=st.integers(0, 1))
    def lease(self, data, worker):
        author, now = self.workers[worker], self.clock.now()
        grants = data.draw(some_of(self.hand.grants(author)))
        assert self.hand.do(leases.lease, grants, now, now + LEASE) == len(grants)
        lent = {each.part_id: each for each in self.hand.ask(leases.leased_to, author.worker_id)}
        for grant in grants:
            part = lent[grant.part_id]
            outcomes = {each.message_id: each for each in self.hand.outcomes(part)}
            self.held.append(Held(author, part, outcomes))
            delivery = self.deliveries[grant.delivery_id]
            assert delivery.status in deliveries.ACTIVE
            delivery.status = DeliveryStatus.IN_PROGRESS
            for number, outcome in outcomes.items():
                assert self.messages[number].status is PENDING
                assert self.messages[number].attempts == outcome.attempt - 1

    @precondition(lambda self: self.held)
    @rule(data=st.data(), gives_back=st.booleans(), closes=st.booleans())
    def report(self, data, gives_back, closes):
        held = data.draw(st.sampled_from(self.held))
        outcomes = self._draw_outcomes(data, held)
        key = [(held.lent.part_id, held.lent.epoch)]
        is_done = len(outcomes) == len(held.unanswered)
        report = settlement.Settlement(
            outcomes, key if closes and is_done else (), key if gives_back else ()
        )
        recorded = self.hand.do(settlement.settle, held.author, report, self.clock.now())
        assert recorded == transitions.Recorded(len(outcomes), 0, 0)
        self.reports.append((held.author, report))
        self._take(held, outcomes)
        if report.finished or report.released:
            self._lose(held)

    @precondition(lambda self: self.reports)
    @rule(data=st.data())
    def report_again(self, data):
        author, report = data.draw(st.sampled_from(self.reports))
        recorded = self.hand.do(settlement.settle, author, report, self.clock.now())
        assert recorded.written == 0

    @precondition(lambda self: self.over)
    @rule(data=st.data())
    def report_late(self, data):
        author, lent, outcomes = data.draw(st.sampled_from(self.over))
        before = self.hand.everything()
        key = [(lent.part_id, lent.epoch)]
        report = settlement.Settlement(outcomes, key, key, {lent.lane: 1e12})
        recorded = self.hand.do(settlement.settle, author, report, self.clock.now())
        assert recorded == transitions.Recorded(0, 0, len(outcomes))
        after = self.hand.everything()
        if any(each.author == author for each in self.held):  # it may work the lane by other parts
            before["lane"] = after["lane"]
        assert after == before

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def reclaim(self, data):
        held = data.draw(st.sampled_from(self.held))
        stale = [(held.lent.part_id, held.lent.epoch)]
        assert self.hand.do(settlement.reclaim, stale, {}, self.clock.now()) == 1
        self._lose(held)

    @rule(data=st.data(), worker=st.integers(0, 1))
    def crash(self, data, worker):
        author = self.workers[worker]
        mine = [each for each in self.held if each.author == author]
        journals = [self._draw_outcomes(data, each) for each in mine]
        known = [each for who, old in self.reports if who == author for each in old.outcomes]
        recorded = self.hand.do(
            settlement.bury,
            author,
            [*known, *(each for journal in journals for each in journal)],
            lambda lane, until: until,
            self.clock.now(),
        )
        assert recorded is not None
        assert recorded.written == sum(map(len, journals))
        for held, journal in zip(mine, journals, strict=True):
            self._take(held, journal)
            self._lose(held)
        self.workers[worker] = self.hand.worker(author.mta)

    @rule(seconds=st.sampled_from([1.0, 600.0, 3600.0, DAY]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule()
    def cut(self):
        self.hand.cut()

    @rule(limit=st.sampled_from([1, 3, 1000]))
    def expire(self, limit):
        expirable = self._expirable()
        count = self.hand.expire_some(limit)
        assert count <= limit
        assert bool(count) == bool(expirable)
        stored = {each.id: each.status for each in self.hand.messages()}
        ended = [number for number in expirable if stored[number] is not PENDING]
        assert len(ended) == count
        assert len({self.messages[number].delivery_id for number in ended}) <= 1
        for number in ended:
            message = self.messages[number]
            message.status = message_after(message.status, expiry_event(message.attempts))

    @precondition(lambda self: self._of_status(MessageStatus.FAILED))
    @rule(data=st.data())
    def retry_by_hand(self, data):
        number = data.draw(st.sampled_from(self._of_status(MessageStatus.FAILED)))
        message = self.messages[number]
        delivery = self.deliveries[message.delivery_id]
        reopens = delivery.status is DeliveryStatus.FINISHED

        def retry(tx: Tx) -> None:
            self._apply(tx, number, MessageEvent.RETRIED_BY_HAND)
            if reopens:
                event = DeliveryEvent.REOPENED
                deliveries.advance(tx, message.delivery_id, event, self.clock.now())

        self.hand.do(retry)
        message.status = PENDING
        if reopens:
            delivery.status = DeliveryStatus.START_PENDING

    @precondition(lambda self: self._of_status(MessageStatus.SENT))
    @rule(data=st.data())
    def bounce_later(self, data):
        number = data.draw(st.sampled_from(self._of_status(MessageStatus.SENT)))
        self.hand.do(self._apply, number, MessageEvent.BOUNCED_LATER)
        self.messages[number].status = MessageStatus.FAILED

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def pause_or_resume(self, data):
        delivery_id = data.draw(st.sampled_from(self._waiting()))
        delivery = self.deliveries[delivery_id]
        is_paused = delivery.status is DeliveryStatus.PAUSED
        event = DeliveryEvent.RESUMED if is_paused else DeliveryEvent.PAUSED
        self.hand.do(deliveries.advance, delivery_id, event, self.clock.now())
        delivery.status = delivery_after(delivery.status, event)

    @rule()
    def finish(self):
        unfinished = {each.delivery_id for each in self.messages.values() if each.status is PENDING}
        done = [number for number in self._waiting() if number not in unfinished]
        assert self.hand.do(deliveries.finish_complete, self.clock.now()) == done
        for number in done:
            self.deliveries[number].status = DeliveryStatus.FINISHED

    @rule(domain=st.sampled_from(["a.test", "b.test"]), group=st.sampled_from("abz"))
    def replan(self, domain, group):
        changed = [
            replan.Planned(each.delivery_id, each.affinity, domain, group, each.source_ips)
            for number, _ in self.hand.ask(replan.standing)
            for each in self.hand.ask(replan.planned, number)
            if each.domain == domain
        ]
        self.hand.do(replan.replan, changed, self.clock.now())

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def messages_stand_as_in_the_model(self):
        stored = {each.id: (each.status, each.attempts) for each in self.hand.messages()}
        assert stored == {
            number: (each.status, each.attempts) for number, each in self.messages.items()
        }

    @invariant()
    def deliveries_stand_as_in_the_model(self):
        found = self.hand.ask(deliveries.find, limit=1000)
        assert {each.id: each.status for each in found} == {
            number: each.status for number, each in self.deliveries.items()
        }

    @invariant()
    def leases_are_those_of_the_model_and_no_message_has_two(self):
        stored = self.hand.ask(leases.leases)
        keys = [(each.part_id, each.epoch, each.worker_id) for each in stored]
        assert sorted(keys) == sorted(each.key for each in self.held)
        lent = [number for each in self.held for number in each.unanswered]
        assert len(lent) == len(set(lent))
        in_hand = self.hand.ask(leases.messages_of, [each.part_id for each in stored])
        assert sorted(lent) == sorted(m.message_id for found in in_hand.values() for m in found)

    # -- the model's own moves -------------------------------------------------------------------

    def _apply(self, tx: Tx, number: int, event: MessageEvent) -> None:
        message = self.messages[number]
        standing = transitions.Standing(
            number, message.delivery_id, message.status, message.attempts
        )
        transitions.apply(tx, [standing], event, self.clock.now())

    def _draw_outcomes(self, data, held: Held) -> list[transitions.Outcome]:
        chosen = data.draw(some_of(list(held.unanswered)))
        return [self._answered(held.unanswered[each], data.draw(verdicts)) for each in chosen]

    def _answered(self, outcome: transitions.Outcome, verdict: Verdict) -> transitions.Outcome:
        now = self.clock.now()
        is_deferral = verdict.event is MessageEvent.DEFERRED
        return outcome._replace(
            verdict=verdict, at=now, next_attempt_at=now + 1800.0 if is_deferral else None
        )

    def _take(self, held: Held, outcomes: list[transitions.Outcome]) -> None:
        for each in outcomes:
            message = self.messages[each.message_id]
            message.status = message_after(message.status, each.verdict.event)
            message.attempts += 1
            if each.verdict is UNKNOWN_USER:
                self.quarantined.add(message.address)
            del held.unanswered[each.message_id]

    def _lose(self, held: Held) -> None:
        self.held.remove(held)
        self.over.append((held.author, held.lent, list(held.unanswered.values())))

    def _of_status(self, status: MessageStatus) -> list[int]:
        return [number for number, each in self.messages.items() if each.status is status]

    def _waiting(self) -> list[int]:
        return [number for number, each in self.deliveries.items() if each.status in WAITING]

    def _expirable(self) -> list[int]:
        in_hand = {number for each in self.held for number in each.unanswered}
        late = [n for n in self._waiting() if self.deliveries[n].expires_at <= self.clock.now()]
        return [
            number
            for number in self._of_status(PENDING)
            if self.messages[number].delivery_id in late and number not in in_hand
        ]

    def _bring_everything_to_its_end(self) -> None:
        """Nothing was lost: given time and willing receivers, every message ends."""
        for each in self.workers:
            self.hand.do(settlement.bury, each, [], lambda *_: None, self.clock.now())
        for number in self._waiting():
            if self.deliveries[number].status is DeliveryStatus.PAUSED:
                self.hand.do(deliveries.advance, number, DeliveryEvent.RESUMED, self.clock.now())
        author = self.hand.worker()
        self.clock.advance(3600.0)
        self.hand.cut()
        for lent in self.hand.lease(author):
            self.hand.settle(author, self.hand.outcomes(lent), finished=[lent])
        self.hand.expire()
        self.hand.do(deliveries.finish_complete, self.clock.now())
        assert "pending" not in self.hand.statuses()
        found = self.hand.ask(deliveries.find, limit=1000)
        assert {str(each.status) for each in found} <= {"finished"}


def some_of(values: list) -> st.SearchStrategy[list]:
    """Any of the values, each at most once, in any order."""
    if not values:
        return st.just([])
    return st.lists(st.sampled_from(values), unique_by=id, max_size=len(values))
