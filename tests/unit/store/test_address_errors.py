"""addresses: the rule of quarantine for any sequence of errors."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mail.reason import FailureType, Reason
from store import addresses
from store.addresses import QUARANTINED, RESET_AFTER_S, SIGNIFICANT_GAP_S, SOFT_ERRORS_MAX

gaps = st.lists(st.integers(0, int(RESET_AFTER_S * 1.5)), max_size=30)


def replay(gaps, failure=FailureType.SOFT):
    """The states of an address that fails again and again; None where an error did not count."""
    known, at, states = None, 0.0, []
    for gap in gaps:
        at += gap
        error = addresses.AddressError("x@a.test", failure, Reason.REFUSED, "", 1, at)
        after = addresses._counted(known, error)
        states.append(after)
        known = after or known
    return states


@given(gaps)
def test_counted_soft_errors_are_a_day_apart_and_never_more_than_six(gaps):
    counted = [each for each in replay(gaps) if each is not None]
    for one, two in pairwise(counted):
        apart = two.counted_at - one.counted_at
        assert apart >= SIGNIFICANT_GAP_S
        assert two.errors == (1 if apart > RESET_AFTER_S else one.errors + 1)
    assert all(each.errors <= SOFT_ERRORS_MAX + 1 for each in counted)
    for each in counted:
        assert (each.status == QUARANTINED) == (each.errors > SOFT_ERRORS_MAX)


@given(gaps)
def test_nothing_counts_after_quarantine(gaps):
    counted = [each for each in replay(gaps) if each is not None]
    assert all(each.status != QUARANTINED for each in counted[:-1])


@given(gaps.filter(bool))
def test_one_hard_error_is_enough(gaps):
    first, *rest = replay(gaps, FailureType.HARD)
    assert first.status == QUARANTINED
    assert set(rest) <= {None}
