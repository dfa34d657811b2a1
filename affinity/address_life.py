"""The life of an address: what an error, a delivery and the passing of time make of it.

Rules of this file: no store and no clock; a life is never changed, only followed by another.
"""

from typing import NamedTuple

from affinity.configuration import AddressRules
from mail.address_status import AddressStatus
from mail.reason import FailureType, Reason

_COUNTING = (AddressStatus.WITH_ERRORS, AddressStatus.VALID)


class Life(NamedTuple):
    """An address that is known; ``counted_at`` (epoch seconds) is when an error last counted."""

    status: AddressStatus
    errors: int
    reason: Reason  # of the error that counted last
    counted_at: float


class Error(NamedTuple):
    """One failed attempt, or one bounce."""

    failure: FailureType | None
    reason: Reason
    at: float


def after_error(life: Life | None, error: Error, rules: AddressRules) -> Life | None:
    """The life after an error; None when it does not count and nothing changes."""
    if error.failure is FailureType.IGNORED:
        return None
    if life is None or life.status is AddressStatus.VALID:
        errors, age = 0, None
    elif life.status in _COUNTING:
        age = error.at - life.counted_at
        errors = 0 if age > rules.reset_after else life.errors
    else:
        return None  # nothing makes it worse, or its errors are ignored
    if error.failure is FailureType.HARD:
        status = AddressStatus.QUARANTINED
    elif age is not None and age < rules.significant_gap:
        return None
    else:
        has_had_enough = errors + 1 > rules.max_errors
        status = AddressStatus.QUARANTINED if has_had_enough else AddressStatus.WITH_ERRORS
    return Life(status, errors + 1, error.reason, error.at)


def after_delivery(life: Life, rules: AddressRules) -> Life | None:
    """The life after a message was accepted for it; None: nothing is known of it any more."""
    is_released = life.status is AddressStatus.WITH_ERRORS and rules.success_releases
    return None if is_released else life


def keeps_errors_for(reason: Reason, rules: AddressRules) -> float:
    """For how many seconds after its last counted error an address with errors stays one."""
    return rules.mailbox_full_after if reason is Reason.MAILBOX_FULL else rules.reset_after
