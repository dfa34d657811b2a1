"""addresses: errors that count, and when an address has had enough."""

from itertools import pairwise

import pytest

from mail.reason import FailureType, Reason
from store import address_search, addresses
from tests.store.hand import DAY

ANY = address_search.Selection()
SOFT, HARD = FailureType.SOFT, FailureType.HARD


@pytest.fixture
def fail(hand, clock):
    """Count one failure of x@a.test ``after`` seconds; returns status and errors."""

    def one(after=0.0, failure=SOFT, text="full"):
        at = clock.advance(after)
        error = addresses.AddressError("x@a.test", failure, Reason.MAILBOX_FULL, text, 7, at)
        hand.do(addresses.count_errors, [error])
        (found,) = hand.ask(address_search.find, ANY)
        return found.status, found.errors

    return one


def test_a_hard_error_quarantines_at_once(fail, hand, clock):
    assert fail(failure=HARD, text="who?") == ("quarantined", 1)
    assert hand.ask(address_search.find, ANY) == [
        addresses.KnownAddress(
            "x@a.test", "quarantined", 1, Reason.MAILBOX_FULL, "who?", 7, clock.now()
        )
    ]


def test_a_hard_error_quarantines_within_a_day_of_a_soft_one(fail):
    assert fail() == ("with_errors", 1)
    assert fail(1.0, HARD) == ("quarantined", 2)


def test_soft_errors_count_once_a_day(fail):
    assert fail() == ("with_errors", 1)
    assert fail(DAY - 1) == ("with_errors", 1)
    assert fail(1) == ("with_errors", 2)


def test_the_sixth_soft_error_quarantines(fail):
    counted = [fail(DAY) for _ in range(6)]
    assert counted == [*(("with_errors", n) for n in range(1, 6)), ("quarantined", 6)]


def test_what_is_quarantined_stays_so(fail):
    fail(failure=HARD)
    assert fail(30 * DAY) == ("quarantined", 1)
    assert fail(30 * DAY, HARD) == ("quarantined", 1)


def test_after_ten_quiet_days_counting_starts_anew(fail):
    for _ in range(5):
        fail(DAY)
    assert fail(10 * DAY + 1) == ("with_errors", 1)


def test_ten_days_to_the_second_are_not_enough(fail):
    for _ in range(5):
        fail(DAY)
    assert fail(10 * DAY) == ("quarantined", 6)


def test_an_error_that_happened_before_the_last_one_does_not_count(fail, hand, clock):
    fail()
    before = hand.everything()
    late = addresses.AddressError(
        "x@a.test", SOFT, Reason.MAILBOX_FULL, "late", 7, clock.now() - DAY
    )
    hand.do(addresses.count_errors, [late])
    assert hand.everything() == before


def test_errors_of_one_group_are_counted_in_their_order(hand):
    errors = [
        addresses.AddressError("x@a.test", SOFT, Reason.MAILBOX_FULL, str(n), 7, n * DAY)
        for n in range(8)
    ]
    hand.do(addresses.count_errors, errors)
    (found,) = hand.ask(address_search.find, ANY)
    assert (found.status, found.errors, found.text) == ("quarantined", 6, "5")


def test_addresses_are_found_by_status_newest_first(hand):
    errors = [
        addresses.AddressError(f"{n}@a.test", kind, Reason.REFUSED, "", 7, float(n))
        for n, kind in enumerate([HARD, SOFT] * 600)
    ]
    hand.do(addresses.count_errors, errors)
    found = hand.ask(address_search.find, ANY, 2000)
    assert len(found) == 1200
    assert all(one.counted_at > two.counted_at for one, two in pairwise(found))
    hard = hand.ask(address_search.find, address_search.Selection(["quarantined"]), 3)
    assert [each.address for each in hard] == ["1198@a.test", "1196@a.test", "1194@a.test"]


def test_no_errors_count_for_nothing(hand):
    hand.do(addresses.count_errors, [])
    assert hand.ask(address_search.find, ANY) == []
