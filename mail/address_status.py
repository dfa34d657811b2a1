"""What an address is known for; one without errors is not known at all.

The statuses are those of the modelled system, whose list also has "unknown": here an address
without a row.
"""

from enum import StrEnum


class AddressStatus(StrEnum):
    """What its errors, its owner or an operator made of an address."""

    WITH_ERRORS = "with_errors"  # sent to, its errors are counted
    VALID = "valid"  # released by hand: sent to, its errors count anew
    DENYLISTED = "denylisted"  # its owner wants no mail: never sent to
    QUARANTINED = "quarantined"  # failed for good, or too often: not sent to
    ALLOWLISTED = "allowlisted"  # sent to, its errors are ignored
