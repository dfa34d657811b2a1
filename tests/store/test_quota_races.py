"""Quotas with two writers at once: a part that is closed meanwhile is counted once, not never."""

import threading

import pytest

from affinity.warmup import begin_of
from store import leases, quotas, settlement
from store.schema import open_store
from tests.store.hand import ACCEPTED, IPS, LEASE

DAY = 20_000
QUOTA = 8
WAY = (IPS[0], "a")


@pytest.fixture
def rival(store_url, store):
    """Another program on the same store."""
    other = open_store(store_url)
    yield other
    other.close()


def lend(tx, author, part_ids, day, at):
    shares = (quotas.Share(WAY, day, QUOTA),)
    grants = [
        leases.Grant(part_id, 1, author.worker_id, IPS[0], "lane", "a", shares, 99)
        for part_id in part_ids
    ]
    return leases.lease(tx, grants, at, at + LEASE)


@pytest.fixture
def scene(hand, clock):
    """Six messages were lent yesterday and answered; it is today. Returns worker and settlement."""
    clock.set(begin_of(DAY))
    hand.submit([f"u{n}@a.test" for n in range(20)], part_size=6)
    author = hand.worker()
    first = hand.queued()[0].part_id
    hand.do(lend, author, [first], DAY, clock.now())
    [lent] = hand.ask(leases.leased_to, author.worker_id)
    clock.set(begin_of(DAY + 1))
    done = hand.outcomes(lent, ACCEPTED)
    return author, settlement.Settlement(done, finished=[(lent.part_id, lent.epoch)])


def both(store, operation, meanwhile):
    thread = threading.Thread(target=meanwhile)

    def first(tx):
        operation(tx)
        thread.start()
        thread.join(0.5)  # either it is through, or it waits for us

    store.write_now(first)
    thread.join(20)
    assert not thread.is_alive()


def today(hand):
    return hand.ask(quotas.spent, DAY + 1).get(WAY, 0)


def test_what_is_closed_while_something_is_lent(hand, store, rival, clock, scene):
    author, report = scene
    other, now = hand.worker(), clock.now()
    waiting = [each.part_id for each in hand.queued()]
    both(
        store,
        lambda tx: lend(tx, other, waiting, DAY + 1, now),
        lambda: rival.write_now(settlement.settle, author, report, now),
    )
    assert today(hand) == QUOTA
    assert sum(each.size for each in hand.ask(leases.leases)) == QUOTA - 6


def test_what_is_lent_while_something_is_closed(hand, store, rival, clock, scene):
    author, report = scene
    other, now = hand.worker(), clock.now()
    waiting = [each.part_id for each in hand.queued()]
    both(
        store,
        lambda tx: settlement.settle(tx, author, report, now),
        lambda: rival.write_now(lend, other, waiting, DAY + 1, now),
    )
    assert today(hand) == QUOTA
    assert sum(each.size for each in hand.ask(leases.leases)) == QUOTA - 6
