"""Retries that the validity does not let come."""

import itertools
from collections.abc import Iterator

from affinity.configuration import Configuration
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from mail.notation import said_duration


def retries(configuration: Configuration, longest_s: float) -> Iterator[Finding]:
    """``longest_s``: how long a message can be valid at most, where its submission says nothing."""
    delays, validity = configuration.retry.delays, said_duration(configuration.validity)
    # Waits are lengthened by jitter, never shortened.
    times = list(itertools.accumulate(delays))
    late = [index for index, time in enumerate(times) if time >= longest_s]
    is_ours = "delays" not in configuration.retry.model_fields_set
    if not late or (is_ours and late[0] > 0):
        return  # nobody wrote down the waits that do not come
    index = late[0]
    what = (
        f"a deferred message is never tried again: it waits {said_duration(delays[0])}, and its "
        f"validity is {validity}"
        if index == 0
        else f"a message left to itself never comes to retry {index + 1}: the waits until then "
        f"are {said_duration(times[index])}, its validity is {validity}"
    )
    yield Finding(
        Code.RETRY_BEYOND_VALIDITY,
        ("retry", "delays", index),
        what,
        "Shorten the waits or lengthen validity, unless submissions bring their own (--validity).",
    )
