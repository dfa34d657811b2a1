"""Addresses that nothing is sent to: at analysis, and what was pending before they became so."""

import pytest

from affinity.configuration import AddressRules
from affinity.waves import Wave
from mail.address_status import AddressStatus
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import DeliveryEvent, MessageEvent
from store import (
    address_search,
    addresses,
    deliveries,
    exclusion,
    operator,
    parts,
    settlement,
    waves,
)
from store.settlement import Settlement
from store.transitions import Author
from tests.store.hand import ACCEPTED, DAY, DEFERRED, UNKNOWN_USER

ANY = address_search.Selection()
SOFT = Verdict(
    MessageEvent.DEFERRED, FailureType.SOFT, Reason.MAILBOX_FULL, "4.2.2 full", 452, "4.2.2"
)


@pytest.fixture
def known(hand, clock):
    """Of a to d at a.test: a in quarantine, b denylisted, c allowlisted, d valid."""
    for name, status in zip("abcd", ("quarantined", "denylisted", "allowlisted", "valid")):  # noqa: B905
        hand.do(addresses.decide, [f"{name}@a.test"], AddressStatus(status), clock.now(), "by hand")
    return [f"{name}@a.test" for name in "abcde"]


def failed(address, failure, reason, text, at):
    return addresses.AddressError(address, failure, reason, text, 7, at)


def reasons(hand):
    return {each.address[0]: each.reason for each in hand.messages() if each.status == "ignored"}


def test_unwanted_addresses_are_left_out_at_analysis_each_with_its_cause(hand, clock, known):
    delivery = hand.create()
    hand.add(delivery, known)
    found = hand.do(deliveries.confirm, delivery, clock.now())
    assert (found.quarantined, found.denylisted) == (1, 1)
    assert reasons(hand) == {"a": Reason.QUARANTINED, "b": Reason.DENYLISTED}
    assert sum(each.size for each in hand.queued()) == 3


def test_proofs_reach_quarantined_addresses_but_never_denylisted_ones(hand, clock, known):
    delivery = hand.create()
    hand.add(delivery, known)
    found = hand.do(deliveries.confirm, delivery, clock.now(), keep_quarantined=True)
    assert (found.quarantined, found.denylisted) == (0, 1)
    assert reasons(hand) == {"b": Reason.DENYLISTED}


def test_no_retry_goes_to_who_said_no_meanwhile(hand, clock):
    hand.submit(["a@a.test", "b@a.test", "c@a.test"], part_size=3)
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, DEFERRED), finished=[lent])
    hand.do(addresses.denylist, ["a@a.test"], clock.now(), "complained")
    hand.do(addresses.decide, ["b@a.test"], AddressStatus.QUARANTINED, clock.now(), "")
    clock.advance(3600.0)
    due = [each.message_id for each in hand.ask(parts.due, clock.now(), 9)]
    assert hand.ask(exclusion.is_any_denylisted, due)
    assert hand.do(exclusion.exclude_due, due, clock.now()) == 1
    assert not hand.ask(exclusion.is_any_denylisted, due)
    hand.cut()
    assert reasons(hand) == {"a": Reason.DENYLISTED}
    assert sum(each.size for each in hand.queued()) == 2, "quarantine is for later deliveries"


def test_a_wave_leaves_out_who_said_no_before_it_began(hand, clock):
    delivery = hand.create()
    hand.do(waves.create, delivery, [Wave(0.0, 1), Wave(60.0, 2)], clock.now())
    first = [parts.NewMessage("a@a.test", "a.test", "{}")]
    later = [parts.NewMessage(f"{name}@a.test", "a.test", "{}") for name in "bc"]
    made = [
        parts.NewPart("a", ("127.0.1.1",), first, wave=1),
        parts.NewPart("a", ("127.0.1.1",), later, wave=2, is_held=True),
    ]
    hand.do(parts.add, delivery, made, clock.now())
    hand.do(deliveries.confirm, delivery, clock.now())
    hand.do(addresses.denylist, ["a@a.test", "b@a.test"], clock.now(), "unsubscribed", delivery)
    clock.advance(60.0)
    assert hand.do(waves.begin_due, clock.now()) == 1
    assert reasons(hand) == {"b": Reason.DENYLISTED}
    assert sorted(each.size for each in hand.queued()) == [1, 1]


def test_a_held_delivery_leaves_out_who_said_no_before_it_was_confirmed(hand, clock):
    delivery = hand.create()
    hand.add(delivery, ["a@a.test", "b@a.test"])
    hand.do(deliveries.confirm, delivery, clock.now(), hold=True)
    hand.do(addresses.denylist, ["a@a.test"], clock.now(), "unsubscribed")
    hand.do(operator.steer, delivery, DeliveryEvent.CONFIRMED, clock.now())
    assert reasons(hand) == {"a": Reason.DENYLISTED}
    assert [each.size for each in hand.queued()] == [1]


def test_errors_of_an_allowlisted_address_are_ignored_with_a_reason_of_their_own(hand, known):
    hand.submit(["c@a.test", "e@a.test"])
    author = hand.worker()
    (lent,) = hand.lease(author)
    hand.settle(author, hand.outcomes(lent, UNKNOWN_USER), finished=[lent])
    found = {each.address: (each.reason, each.failure) for each in hand.messages()}
    assert found == {
        "c@a.test": (Reason.ERROR_IGNORED, "ignored"),
        "e@a.test": (Reason.USER_UNKNOWN, "hard"),
    }
    status = {each.address: each.status for each in hand.ask(address_search.find, ANY)}
    assert (status["c@a.test"], status["e@a.test"]) == ("allowlisted", "quarantined")


def test_a_delivery_forgets_errors_in_the_group_that_reports_it(hand, clock):
    for verdict, expected in ((SOFT, ["with_errors"]), (ACCEPTED, [])):
        delivery = hand.submit(["x@a.test"])
        author = hand.worker()
        (lent,) = [each for each in hand.lease(author) if each.delivery_id == delivery]
        hand.settle(author, hand.outcomes(lent, verdict), finished=[lent])
        found = hand.ask(address_search.find, ANY)
        assert [each.status for each in found] == expected


def test_the_rules_of_who_reports_hold(hand, clock):
    hand.submit(["x@a.test", "y@a.test"])
    author = hand.worker()
    strict = Author(author.mta, author.worker_id, AddressRules(max_errors=0))
    (lent,) = hand.lease(author)
    report = Settlement(hand.outcomes(lent, SOFT), [(lent.part_id, lent.epoch)])
    hand.do(settlement.settle, strict, report, clock.now())
    found = hand.ask(address_search.find, ANY)
    assert {each.status for each in found} == {"quarantined"}


def test_errors_are_released_by_their_age_a_full_mailbox_later(hand, clock):
    rules = AddressRules()
    errors = [
        addresses.AddressError(
            f"{reason.label}@a.test", FailureType.SOFT, reason, "", 7, clock.now()
        )
        for reason in (Reason.MAILBOX_FULL, Reason.REFUSED)
    ]
    hand.do(addresses.count_errors, errors)
    for days, left in ((10, 2), (1, 1), (18, 1), (2, 0)):
        clock.advance(days * DAY)
        while hand.do(addresses.release_due, clock.now(), rules, 1):
            pass
        assert len(hand.ask(address_search.find, ANY)) == left


def test_a_mask_finds_texts_whatever_their_case_and_takes_percent_for_itself(hand, clock):
    for name, text in (("a", "100% full"), ("b", "100 full"), ("c", "NOT full_")):
        error = addresses.AddressError(
            f"{name}@a.test", FailureType.HARD, Reason.REFUSED, text, 7, 1.0
        )
        hand.do(addresses.count_errors, [error])
    for mask, expected in (("100% *", "a"), ("*FULL", "ab"), ("not full_", "c"), ("*full?", "c")):
        found = hand.ask(address_search.find, address_search.Selection(text=mask))
        assert "".join(each.address[0] for each in found) == expected
