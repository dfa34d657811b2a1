"""Quotas: what was spent of a day is never less than what was sent, whoever dies and when."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affinity.warmup import account_of, begin_of, day_of
from store import leases, quotas, settlement, tables
from store.horizon import Known, next_due
from store.schema import open_store
from tests.fakes.clock import FakeClock
from tests.store.hand import ACCEPTED, DAY, DEFERRED, IPS, LEASE, Hand

IP = IPS[0]
WAY = (IP, "a")
PROMO = account_of("main")
PEOPLE = [f"u{n}@a.test" for n in range(10)]


@pytest.fixture(autouse=True)
def _a_day_begins(clock):
    clock.set(begin_of(20_000))


def lend(hand, author, quota, messages=999, accounts=(WAY,)):
    """Lend what waits within a quota; returns what the worker holds."""
    now = hand.clock.now()
    shares = tuple(quotas.Share(each, day_of(now), quota) for each in accounts)
    grants = [
        leases.Grant(
            *(each.part_id, each.delivery_id, author.worker_id, IP, "lane", "a"), shares, messages
        )
        for each in hand.queued()
    ]
    hand.do(leases.lease, grants, now, now + LEASE)
    return hand.ask(leases.leased_to, author.worker_id)


def spent(hand, account=WAY):
    return hand.ask(quotas.spent, day_of(hand.clock.now())).get(account, 0)


def test_no_more_is_lent_than_there_is_room_for(hand):
    hand.submit(PEOPLE, part_size=4)
    held = lend(hand, hand.worker(), 7)
    assert [each.size for each in held] == [4, 3]
    assert spent(hand) == 7
    assert sum(each.size for each in hand.queued()) == 3
    assert len(lend(hand, hand.worker(), 7)) == 0
    assert [each.size for each in lend(hand, hand.worker(), 8)] == [1]


def test_a_portion_is_a_part_of_its_own(hand):
    hand.submit(PEOPLE, part_size=10)
    author = hand.worker()
    [lent] = lend(hand, author, 100, messages=3)
    found = hand.ask(leases.messages_of, [lent.part_id])[lent.part_id]
    assert [each.address for each in found] == PEOPLE[:3]
    hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
    [rest] = hand.queued()
    assert rest.size == 7
    assert spent(hand) == 3


def test_what_comes_back_unsent_is_given_back(hand):
    hand.submit(PEOPLE, part_size=10)
    author = hand.worker()
    [lent] = lend(hand, author, 8)
    sent = hand.outcomes(lent, ACCEPTED)[:2] + hand.outcomes(lent, DEFERRED)[2:3]
    hand.settle(author, sent, released=[lent])
    assert spent(hand) == 3  # attempts count
    assert sum(each.size for each in lend(hand, author, 8)) == 5
    hand.do(settlement.leave, author, hand.clock.now())
    assert spent(hand) == 3


def test_a_dead_worker_may_have_sent_all_that_it_had(hand):
    hand.submit(PEOPLE, part_size=10)
    author = hand.worker()
    [lent] = lend(hand, author, 8)
    known = hand.outcomes(lent, ACCEPTED)[:2]
    hand.do(settlement.bury, author, known, lambda *_: None, hand.clock.now())
    assert spent(hand) == 8
    assert lend(hand, hand.worker(), 8) == []


def test_what_is_in_hand_at_midnight_counts_on_both_days(hand, clock):
    hand.submit(PEOPLE, part_size=10)
    author = hand.worker()
    [lent] = lend(hand, author, 6)
    clock.set(begin_of(20_001))
    assert spent(hand) == 6  # carried over
    assert [each.size for each in lend(hand, hand.worker(), 8)] == [2]
    hand.settle(author, hand.outcomes(lent, ACCEPTED)[:4], released=[lent])
    assert spent(hand) == 2 + 4
    assert hand.ask(quotas.spent, 20_000)[IP, "a"] == 4


def test_a_lease_that_is_taken_back_on_the_next_day_counts_there_too(hand, clock):
    hand.submit(PEOPLE, part_size=10)
    author = hand.worker()
    [lent] = lend(hand, author, 6)
    clock.set(begin_of(20_001))
    hand.do(settlement.reclaim, [(lent.part_id, lent.epoch)], {}, clock.now())
    assert spent(hand) == 6
    assert hand.ask(quotas.spent, 20_000)[IP, "a"] == 6


def test_a_plan_that_is_new_reckons_with_what_went_before_it(hand):
    hand.submit(PEOPLE, part_size=4)
    author = hand.worker()
    sent, in_hand, _ = hand.lease(author)
    hand.settle(author, hand.outcomes(sent, ACCEPTED), finished=[sent])
    hand.submit(PEOPLE, part_size=10)
    before = {each.part_id for each in hand.ask(leases.leased_to, author.worker_id)}
    lent = [each for each in lend(hand, author, 13) if each.part_id not in before]
    assert [each.size for each in lent] == [13 - 4 - 4 - 2]
    assert spent(hand) == 13
    hand.settle(author, hand.outcomes(in_hand, ACCEPTED), finished=[in_hand])
    assert spent(hand) == 13


def test_figures_of_days_long_over_are_forgotten(hand, clock):
    hand.submit(PEOPLE, part_size=2, validity=20 * DAY)
    for day in (20_000, 20_001, 20_009):
        clock.set(begin_of(day))
        author = hand.worker()
        for lent in lend(hand, author, 2):
            hand.settle(author, hand.outcomes(lent, ACCEPTED), finished=[lent])
    assert hand.ask(quotas.spent, 20_000) == {}
    assert hand.count(tables.quota) == 1


def test_a_quota_of_an_affinity_counts_whatever_ip_it_goes_by(hand, clock):
    hand.submit(PEOPLE, part_size=10)
    author, both = hand.worker(), (WAY, PROMO)
    [lent] = lend(hand, author, 6, accounts=(PROMO,))
    assert (spent(hand), spent(hand, PROMO)) == (0, 6)
    hand.settle(author, hand.outcomes(lent, ACCEPTED)[:4], released=[lent])
    assert (spent(hand), spent(hand, PROMO)) == (0, 4)
    found = lend(hand, author, 6, accounts=both)
    assert sum(each.size for each in found) == 2
    assert spent(hand, PROMO) == 6
    clock.set(begin_of(20_001))
    hand.settle(author, [], released=found)
    assert (spent(hand), spent(hand, PROMO)) == (0, 0)


def test_the_tighter_of_two_quotas_holds(hand):
    hand.submit(PEOPLE, part_size=10)
    author, now = hand.worker(), hand.clock.now()
    [queued] = hand.queued()
    for way, affinity in ((5, 3), (3, 5)):
        shares = quotas.Share(WAY, day_of(now), way), quotas.Share(PROMO, day_of(now), affinity)
        grant = leases.Grant(
            *(queued.part_id, queued.delivery_id, author.worker_id, IP, "lane", "a"), shares, 99
        )
        hand.do(leases.lease, [grant], now, now + LEASE)
        assert sum(each.size for each in hand.ask(leases.leased_to, author.worker_id)) == 3


def test_a_simulation_wakes_when_the_day_ends(hand, clock):
    hand.submit(PEOPLE)
    known = Known(has_breaker=False)
    assert hand.ask(next_due, clock.now() + 5, LEASE, known) == begin_of(20_001)
    without = Known(has_breaker=False, has_quotas=False)
    assert hand.ask(next_due, clock.now() + 5, LEASE, without) > begin_of(20_001)


QUOTAS = (5, 9, 9, 20)  # of the days, as they come


@pytest.fixture(scope="module")
def emptied():
    """A store in memory, for one example after the other."""
    store = open_store("sqlite://", inline=True)
    yield store
    store.close()


def _clear(tx):
    for table in tables.metadata.sorted_tables:
        tx.connection.execute(table.delete())


class Workers:
    """Workers that send what they hold at any moment, tell of it later or never, and die."""

    def __init__(self, store, accounts):
        store.write_now(_clear)
        self.accounts = accounts
        self.hand = Hand(store, FakeClock(begin_of(20_000)))
        self.hand.do = store.write_now  # the invariants are held by what is done one by one
        self.hand.submit([f"u{n}@a.test" for n in range(35)], part_size=7, validity=99 * DAY)
        self.sent = Counter()  # by the day on which the receiver took it
        self.held = {}  # author → {part: how many of its messages were sent}

    @property
    def today(self):
        return day_of(self.hand.clock.now())

    def lend(self, size):
        author = self.hand.worker()
        held = lend(self.hand, author, QUOTAS[min(self.today - 20_000, 3)], size, self.accounts)
        if held:
            self.held[author] = dict.fromkeys(held, 0)

    def send(self, size):
        """The receiver takes so much of each part; nobody has been told yet."""
        for parts in self.held.values():
            for part, sent in parts.items():
                parts[part] = sent + min(size, part.size - sent)
                self.sent[self.today] += parts[part] - sent

    def settle(self, size):
        if self.held:
            author = list(self.held)[size % len(self.held)]
            for part, sent in self.held.pop(author).items():
                told = self.hand.outcomes(part, ACCEPTED)[:sent]
                self.hand.settle(author, told, released=[part])

    def die(self, size):
        """Its journal has some of what it sent."""
        if self.held:
            author = list(self.held)[size % len(self.held)]
            known = []
            for part, sent in self.held.pop(author).items():
                known += self.hand.outcomes(part, ACCEPTED)[: min(sent, size // 2)]
            now = self.hand.clock.now()
            self.hand.do(settlement.bury, author, known, lambda *_: None, now)

    def midnight(self, _):
        self.hand.clock.set(begin_of(self.today + 1))


STEPS = {
    "lend": (Workers.lend,),
    "send": (Workers.send,),
    "send and settle": (Workers.send, Workers.settle),
    "settle": (Workers.settle,),
    "send and die": (Workers.send, Workers.die),
    "midnight": (Workers.midnight,),
}


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=7),
    st.sampled_from([(WAY,), (PROMO,), (WAY, PROMO)]),
    st.data(),
)
def test_no_day_is_exceeded(emptied, steps, accounts, data):
    workers = Workers(emptied, accounts)
    for name in ["lend", *steps, "lend", "send"]:
        size = 9 if name == "lend" else data.draw(st.integers(1, 9))
        for step in STEPS[name]:
            step(workers, size)
    workers.send(9)
    for day, messages in workers.sent.items():
        assert messages <= QUOTAS[min(day - 20_000, 3)]
    for each in accounts:
        assert spent(workers.hand, each) >= workers.sent[workers.today]
