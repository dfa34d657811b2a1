"""past, ages: what was pending is what was seen then, whatever has become of it since."""

import random
from collections import Counter

import pytest

from mail.reason import FailureType, Reason
from mail.states import DeliveryEvent, MessageStatus
from store import ages, continuous, log, operator, past
from store.contents import Content
from tests.store.hand import ACCEPTED, DAY, DEFERRED, REFUSED, UNKNOWN_USER, Hand

FULL = DEFERRED._replace(reason=Reason.MAILBOX_FULL, failure=FailureType.SOFT)
VERDICTS = [ACCEPTED, DEFERRED, DEFERRED, FULL, REFUSED, UNKNOWN_USER]
TERMS = continuous.Terms(validity_s=DAY, open_s=DAY / 2, part_size=3)


def plan(_affinity, domain):
    return domain.partition(".")[0], ("127.0.1.1",)


def append(hand: Hand, *addresses, label="app"):
    """What an application submits."""
    recipients = [continuous.Recipient(each, each.partition("@")[2]) for each in addresses]
    letter = continuous.Letter(label, "main", Content(b"hi", needs_smtputf8=False), recipients)
    [joined] = hand.do(continuous.append, [letter], plan, TERMS, hand.clock.now())
    return joined.delivery_id


def seen_now(hand: Hand) -> Counter:
    """What can be seen of what is pending: delivery, domain, whether it retries, last deferral."""
    now, known = hand.clock.now(), hand.ask(ages.origins)
    return Counter(
        (each.delivery_id, each.domain, (each.next_attempt_at or now) > now, each.reason)
        for each in hand.messages(status=MessageStatus.PENDING)
        if each.delivery_id in known
    )


def seen_then(hand: Hand, at: float) -> Counter:
    origins = hand.ask(past.origins, at)
    found = hand.ask(past.pending, at, list(origins.values()), [])
    sums = Counter()
    for each in found:
        key = each.delivery_id, each.domain, each.is_retrying, each.deferral
        sums[key] += each.messages
    return sums


class Life:
    """Random steps, as they happen to a store."""

    def __init__(self, hand: Hand, seed: int) -> None:
        self.hand, self.chance = hand, random.Random(seed)
        self.author = hand.worker()
        self.submit()
        self.append()

    def step(self) -> None:
        steps = [self.submit, self.append, self.send, self.send, self.retry, self.steer]
        self.chance.choice(steps)()
        self.hand.cut()
        self.hand.finish()
        while self.hand.do(operator.withdraw_cancelled, 100, self.hand.clock.now()):
            pass

    def some(self, count=4):
        domains = [self.chance.choice(["a.test", "b.test"]) for _ in range(count)]
        return [f"u{self.chance.randrange(9999)}@{each}" for each in domains]

    def submit(self):
        self.hand.submit(self.some())

    def append(self):
        append(self.hand, *self.some(2))

    def send(self):
        for lent in self.hand.lease(self.author):
            outcomes = [
                each._replace(
                    verdict=(verdict := self.chance.choice(VERDICTS)),
                    next_attempt_at=self.hand.clock.now() + self.chance.choice([5.0, 500.0])
                    if verdict.reason in (Reason.GREYLISTED, Reason.MAILBOX_FULL)
                    else None,
                )
                for each in self.hand.outcomes(lent)
            ]
            if self.chance.random() < 0.3:
                self.hand.settle(self.author, outcomes[1:], released=[lent])
            else:
                self.hand.settle(self.author, outcomes, finished=[lent])

    def retry(self):
        wanted = log.Filter(reason=Reason.REFUSED)
        self.hand.do(operator.retry, wanted, 0, 100, self.hand.clock.now(), DAY)

    def steer(self):
        known = sorted(self.hand.ask(ages.origins))
        if known and self.chance.random() < 0.3:
            chosen = self.chance.choice(known)
            self.hand.do(operator.steer, chosen, DeliveryEvent.CANCELLED, self.hand.clock.now())


@pytest.mark.parametrize("seed", range(3))
def test_what_was_pending_is_what_was_seen_then(hand, clock, seed):
    began = clock.now()
    life, seen = Life(hand, seed), {}
    for _ in range(14):
        clock.advance(life.chance.choice([2.0, 30.0]))
        life.step()
        clock.advance(1.0)
        seen[clock.now()] = seen_now(hand)
    assert sum(map(len, seen.values())) > 10
    assert any(is_retrying for each in seen.values() for _, _, is_retrying, _ in each)
    for at, expected in seen.items():
        assert seen_then(hand, at) == expected, at
    assert seen_then(hand, began - 1.0) == Counter()


def test_messages_of_an_open_delivery_have_ages_of_their_own(hand, clock):
    began = clock.now()
    append(hand, "x@a.test", "y@b.test")
    author = hand.worker()
    clock.advance(400.0)
    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent, DEFERRED), finished=[lent])
    clock.advance(1000.0)
    append(hand, "z@a.test")
    clock.advance(10.0)
    now = clock.now()
    times = [now - each for each in (300.0, 1200.0)]
    assert [
        (each.domain, each.is_retrying, each.span, each.messages)
        for each in hand.ask(ages.of_open, now, times)
    ] == [("a.test", False, 0, 1), ("a.test", True, 2, 1), ("b.test", True, 2, 1)]
    then = began + 350.0
    origins = list(hand.ask(past.origins, then).values())
    assert [origin.is_open for origin in origins] == [True]
    found = hand.ask(past.pending, then, origins, [then - 300.0])
    assert [(each.domain, each.messages) for each in found] == [("a.test", 1), ("b.test", 1)]


def test_pending_messages_are_counted_by_domain(hand):
    hand.submit(["x@a.test", "y@a.test", "z@b.test"])
    found = hand.ask(ages.by_domain)
    assert [(each.delivery_id, each.domain, each.messages) for each in found] == [
        (1, "a.test", 2),
        (1, "b.test", 1),
    ]
