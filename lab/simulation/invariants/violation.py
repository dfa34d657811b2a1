"""An invariant that did not hold."""

from enum import StrEnum


class Invariant(StrEnum):
    """Their names."""

    LEGAL_TRANSITIONS = "legal_transitions"
    ATTEMPTS_GROW = "attempts_grow"
    FINAL_IS_FINAL = "final_is_final"
    ONE_LIVE_LEASE = "one_live_lease"
    ONE_OWNER = "one_owner"  # of a limited lane
    SENT_IS_RECEIVED = "sent_is_received"
    NO_RECEIPT_LOST = "no_receipt_lost"
    TWICE_ONLY_UNHEARD = "twice_only_unheard"
    ALLOWED_IP = "allowed_ip"
    CONNECTIONS = "connections"
    RATE = "rate"
    EXPIRY = "expiry"
    FAIRNESS = "fairness"
    LIVENESS = "liveness"
    BOUNCE_IS_KEPT = "bounce_is_kept"
    NO_CRASH = "no_crash"  # no process ends by an error of ours


class Violation(AssertionError):
    """An invariant that did not hold: which, how, when, and in which run."""

    def __init__(self, invariant: Invariant, what: str, *, at: float, seed: str) -> None:
        super().__init__(f"{invariant}: {what} (at {at:.3f} s, seed {seed})")
        self.invariant, self.what, self.at, self.seed = invariant, what, at, seed
