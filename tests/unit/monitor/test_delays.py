"""The four delays of an attempt: Postfix's split of the time from submission to answer."""

import pytest

from mail.states import MessageStatus
from monitor.delays import delays_of
from store.log import Transition

PENDING = MessageStatus.PENDING


def change(number, event, at, *, took_ms=None, next_at=None, attempt=0):
    to = PENDING if event == "deferred" else MessageStatus.SENT
    return Transition(
        *(number, 7, 1, "ann@home.test", at, event, PENDING, to, attempt, None, None),
        *("m1", 2, "127.0.1.1", 250, "2.0.0", "ok", took_ms, 100, next_at),
    )


def parts(found):
    return found.before_queue, found.in_queue, found.setup, found.transmission


def test_a_first_attempt_waits_for_its_date_then_in_the_queue():
    (one,) = delays_of([change(1, "accepted", 165.0, took_ms=500.0, attempt=1)], 100.0, 160.0, {})
    assert parts(one) == pytest.approx((60.0, 4.5, None, 0.5))
    assert one.total == pytest.approx(65.0)


def test_the_connection_is_told_apart_where_it_is_known():
    changes = [change(1, "accepted", 105.0, took_ms=1000.0, attempt=1)]
    (one,) = delays_of(changes, 100.0, 100.0, {1: 1.5})
    assert parts(one) == pytest.approx((0.0, 2.5, 1.5, 1.0))
    (late,) = delays_of(changes, 100.0, 100.0, {1: 60.0})
    assert parts(late) == pytest.approx((0.0, 0.0, 4.0, 1.0)), "never longer than there was"


def test_waits_for_retries_are_before_the_queue():
    changes = [
        change(1, "deferred", 101.0, took_ms=1000.0, next_at=401.0, attempt=1),
        change(2, "accepted", 405.0, took_ms=2000.0, attempt=2),
    ]
    first, second = delays_of(changes, 100.0, 100.0, {})
    assert parts(first) == pytest.approx((0.0, 0.0, None, 1.0))
    assert parts(second) == pytest.approx((301.0, 2.0, None, 2.0))
    assert second.total == pytest.approx(305.0)


def test_what_an_operator_retries_is_due_from_then_on():
    changes = [
        change(1, "refused", 101.0, took_ms=1000.0, attempt=1),
        change(2, "retried_by_hand", 500.0),
        change(3, "accepted", 503.0, took_ms=1000.0, attempt=2),
    ]
    assert parts(delays_of(changes, 100.0, 100.0, {})[-1]) == pytest.approx((400.0, 2.0, None, 1.0))


def test_no_part_is_less_than_nothing():
    """An attempt may begin before its time: clocks of two processes differ."""
    (one,) = delays_of([change(1, "accepted", 99.0, took_ms=500.0, attempt=1)], 100.0, 160.0, {})
    assert min(each for each in parts(one) if each is not None) >= 0.0
