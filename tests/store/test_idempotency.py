"""A key of a submission: who has it, what is known of it, when it is free again."""

import pytest

from store import deliveries, idempotency, pruning
from store.errors import KeyTaken

ANN = idempotency.Holder("ann", "host", 1)
BOB = idempotency.Holder("bob", "host", 2)


@pytest.fixture
def claim(hand):
    def claimed(holder, digest="d", since=None):
        return hand.do(idempotency.claim, "key", digest, holder, hand.clock.now(), since)

    return claimed


def test_the_first_has_it_and_others_are_told(hand, claim):
    assert claim(ANN) is None
    assert claim(ANN) is None
    assert claim(BOB, "other") == idempotency.Known("d", ANN, hand.clock.now(), None)


def test_an_answer_stays_with_the_key(hand, claim):
    claim(ANN)
    hand.do(idempotency.created, "key", ANN, hand.create())
    hand.do(idempotency.confirmed, "key", ANN, "{}")
    assert claim(BOB).answer == "{}"
    hand.do(idempotency.release, "key", ANN)
    assert claim(BOB).answer == "{}", "what is done is done"
    assert not hand.do(idempotency.take_over, "key", ANN, BOB, hand.clock.now())


def test_a_submission_that_writes_shows_that_it_lives(hand, claim):
    claim(ANN)
    delivery = hand.create()
    hand.do(idempotency.created, "key", ANN, delivery)
    hand.clock.advance(500.0)
    hand.add(delivery, ["x@a.test"])
    assert claim(BOB).seen_at == hand.clock.now()


def test_who_takes_over_takes_back_what_was_half_done(hand, claim):
    claim(ANN)
    half = hand.create()
    hand.do(idempotency.created, "key", ANN, half)
    assert hand.do(idempotency.take_over, "key", ANN, BOB, hand.clock.now())
    assert hand.ask(deliveries.get, half).status == "failed"
    assert not hand.do(idempotency.take_over, "key", ANN, BOB, hand.clock.now())
    hand.do(idempotency.release, "key", ANN)
    with pytest.raises(KeyTaken):
        hand.do(idempotency.created, "key", ANN, half)
    with pytest.raises(KeyTaken):
        hand.do(idempotency.confirmed, "key", ANN, "{}")
    hand.do(idempotency.confirmed, "key", BOB, "{}")


def test_a_key_let_go_of_is_free(hand, claim):
    claim(ANN)
    hand.do(idempotency.release, "key", ANN)
    assert claim(BOB, "other") is None


def test_old_keys_are_forgotten(hand, claim):
    claim(ANN)
    since = hand.clock.now()
    assert claim(BOB, since=since) is not None
    assert claim(BOB, since=since + 1) is None
    assert hand.ask(pruning.count, "submission_keys", hand.clock.now()) == 0
    hand.clock.advance(1.0)
    assert hand.ask(pruning.count, "submission_keys", hand.clock.now()) == 1
    now = hand.clock.now()
    assert hand.do(pruning.take, "submission_keys", now, 0, now) == pruning.Step(1, None)
