"""The newest lines of the log, whichever index leads to them, are the last of all lines."""

import itertools

import pytest

from mail.reason import Reason
from mail.states import DeliveryEvent, MessageStatus
from store import deliveries, log, log_search, operator
from tests.store.hand import ACCEPTED, DEFERRED, REFUSED, UNKNOWN_USER

CHOICES = {
    "delivery_id": (None, 1, 3, 9),
    "status": (None, *MessageStatus),
    "domain": (None, "a.test", "?.TEST", "none.*"),
    "source_ip": (None, "127.0.1.1"),
    "reason": (None, Reason.GREYLISTED, Reason.USER_UNKNOWN),
}


@pytest.fixture
def mixed(hand, clock):
    """Five deliveries with messages of every status, sent and deferred in turn."""
    author = hand.worker()
    verdicts = itertools.cycle([DEFERRED, ACCEPTED, REFUSED, UNKNOWN_USER, ACCEPTED])
    for number in range(3):
        hand.submit([f"u{number}{each}@{'ab'[each % 2]}.test" for each in range(8)])
        for lent in hand.lease(author):
            outcomes = [hand.outcomes(lent, next(verdicts))[at] for at in range(lent.size)]
            hand.settle(author, outcomes, released=[lent])
            clock.advance(1.0)
    hand.submit(["twice@a.test", "twice@a.test", "u00@a.test"])
    hand.submit(["late@c.test"])
    hand.do(operator.steer, 4, DeliveryEvent.CANCELLED, clock.now())
    hand.do(operator.withdraw_cancelled, 10, clock.now())
    hand.do(operator.retry, log.Filter(delivery_id=2), 0, 2, clock.now(), 600.0)
    return hand


def wanted(first):
    """Every fifth of all combinations, which meets each two values of different kinds."""
    for values in itertools.islice(itertools.product(*CHOICES.values()), first, None, 5):
        yield log.Filter(**dict(zip(CHOICES, values, strict=True)))


@pytest.mark.parametrize(("few", "is_editing"), [(0, True), (10_000, False)])
def test_of_messages_and_of_transitions(mixed, monkeypatch, few, is_editing):
    monkeypatch.setattr(log_search, "_FEW", few)
    monkeypatch.setattr(log_search, "_CHANGES_FEW", few)
    monkeypatch.setattr(log_search, "_STRETCH_FIRST", 2)
    monkeypatch.setattr(log_search, "_STRETCH_MOST", 8)
    if is_editing:
        mixed.add(mixed.create(), ["early@d.test"])
    assert set(mixed.statuses()) == set(MessageStatus)
    for each in wanted(int(is_editing)):
        for everything, three, all_of_them in mixed.ask(asked, each):
            assert three == everything[-3:], each
            assert all_of_them == everything, each


def asked(tx, which):
    """Messages and transitions: from the first on, the newest three, and the newest of many."""
    return [
        (
            read(tx, which),
            read(tx, which, limit=3, newest=True),
            read(tx, which, limit=99, newest=True),
        )
        for read in (log.messages, log.transitions)
    ]


def test_while_a_submission_goes_on_its_messages_are_listed(mixed):
    mixed.add(mixed.create(), ["early@d.test"])
    [found] = mixed.ask(log.messages, log.Filter(domain="d.*"), newest=True)
    assert found.address == "early@d.test"
    mixed.do(deliveries.confirm, found.delivery_id, mixed.clock.now())
    assert mixed.ask(log.messages, log.Filter(domain="d.*"), newest=True) == [found]
