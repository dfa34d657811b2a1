"""When a deferred message is tried again, or that it will not be.

The workers ask this for each deferral and hand in a number from their own dice.
"""

from affinity.configuration import Retry


def next_attempt(
    policy: Retry, attempts: int, now: float, expires_at: float, chance_value: float
) -> float | None:
    """The time of the next attempt in epoch seconds, or None when validity ends before it.

    The wait is the policy's for this attempt, never less, lengthened by up to ``policy.jitter`` of
    itself, so that messages deferred together do not come back together.

    Args:
        policy: the waits; the last one repeats.
        attempts: attempts already made, counting the one that was just deferred.
        now: epoch seconds.
        expires_at: end of the validity; an attempt at this very moment is too late.
        chance_value: in [0, 1).
    """
    assert attempts >= 1, "a message that was never tried is not deferred"
    assert 0 <= chance_value < 1, "dice fall in [0, 1)"
    wait = policy.delays[min(attempts, len(policy.delays)) - 1]
    at = now + wait * (1 + policy.jitter * chance_value)
    return at if at < expires_at else None
