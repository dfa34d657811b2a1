"""address_life: the rule of quarantine for any sequence of errors, and for any settings."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from affinity.address_life import Error, Life, after_delivery, after_error, keeps_errors_for
from affinity.configuration import AddressRules
from mail.address_status import AddressStatus
from mail.reason import FailureType, Reason

DAY = 86_400
QUARANTINED = AddressStatus.QUARANTINED
gaps = st.lists(st.integers(0, 15 * DAY), max_size=30)
some_rules = st.builds(
    AddressRules,
    max_errors=st.integers(0, 8),
    significant_gap=st.integers(0, 3 * DAY),
    reset_after=st.integers(0, 20 * DAY),
)


def replay(gaps, rules, failure=FailureType.SOFT):
    """The lives of an address that fails again and again; None where an error did not count."""
    life, at, lives = None, 0.0, []
    for gap in gaps:
        at += gap
        after = after_error(life, Error(failure, Reason.REFUSED, at), rules)
        lives.append(after)
        life = after or life
    return lives


@given(gaps, some_rules)
def test_counted_soft_errors_are_apart_and_never_more_than_one_over_the_limit(gaps, rules):
    counted = [each for each in replay(gaps, rules) if each is not None]
    for one, two in pairwise(counted):
        apart = two.counted_at - one.counted_at
        assert apart >= rules.significant_gap
        assert two.errors == (1 if apart > rules.reset_after else one.errors + 1)
    for each in counted:
        assert (each.status == QUARANTINED) == (each.errors > rules.max_errors)


@given(gaps, some_rules)
def test_nothing_counts_after_quarantine(gaps, rules):
    counted = [each for each in replay(gaps, rules) if each is not None]
    assert all(each.status != QUARANTINED for each in counted[:-1])


@given(gaps.filter(bool), some_rules)
def test_one_hard_error_is_enough(gaps, rules):
    first, *rest = replay(gaps, rules, FailureType.HARD)
    assert first.status == QUARANTINED
    assert set(rest) <= {None}


@given(st.sampled_from(list(AddressStatus)), st.sampled_from(list(FailureType)))
def test_what_somebody_decided_is_not_undone_by_errors_or_deliveries(status, failure):
    rules = AddressRules()
    life = Life(status, 0, Reason.NOT_DEFINED, 0.0)
    after = after_error(life, Error(failure, Reason.REFUSED, 1.0), rules)
    is_sent_to = status in (AddressStatus.WITH_ERRORS, AddressStatus.VALID)
    assert after is None or is_sent_to
    forgotten = after_delivery(life, rules) is None
    assert forgotten == (status is AddressStatus.WITH_ERRORS)


def test_a_released_address_counts_from_one_at_once():
    life = Life(AddressStatus.VALID, 0, Reason.NOT_DEFINED, 100.0)
    after = after_error(life, Error(FailureType.SOFT, Reason.REFUSED, 101.0), AddressRules())
    assert after == Life(AddressStatus.WITH_ERRORS, 1, Reason.REFUSED, 101.0)


def test_success_need_not_release():
    rules = AddressRules(success_releases=False)
    life = Life(AddressStatus.WITH_ERRORS, 3, Reason.REFUSED, 0.0)
    assert after_delivery(life, rules) is life


def test_a_full_mailbox_is_remembered_for_longer():
    rules = AddressRules()
    assert keeps_errors_for(Reason.MAILBOX_FULL, rules) == 30 * DAY
    assert keeps_errors_for(Reason.REFUSED, rules) == 10 * DAY
