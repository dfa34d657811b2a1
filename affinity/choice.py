"""Which source IP the next part leaves from: exactly proportional to the weights over time.

Tijdeman's rule for the chairman assignment problem (Discrete Mathematics 32, 1980): of those that
may be chosen without getting too far ahead, the one whose deadline is the earliest. With n IPs and
parts of one size no IP is ever further than 1 - 1/(2n - 2) parts from its due share, whatever the
weights. Random draws times weight, a peer's way, are not even proportional in the mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ChoiceState:
    """For each set of IPs that were available together: how far each is behind its due share.

    In messages. Kept per set, so that an IP that was out does not catch up when it is back.
    """

    behind: Mapping[tuple[str, ...], Mapping[str, float]] = field(default_factory=dict)


def choose(
    state: ChoiceState, weights: Mapping[str, float], size: int
) -> tuple[str, ChoiceState] | None:
    """The IP for a part of ``size`` messages, or None when no IP has a weight above 0."""
    shares = {ip: weight for ip, weight in sorted(weights.items()) if weight > 0}
    if not shares:
        return None
    total = sum(shares.values())
    available = tuple(shares)
    before = state.behind.get(available, {})
    due = {ip: before.get(ip, 0.0) + size * shares[ip] / total for ip in available}
    chosen = _earliest(due, shares, size)
    due[chosen] -= size
    return chosen, ChoiceState({**state.behind, available: due})


def _earliest(due: Mapping[str, float], shares: Mapping[str, float], size: int) -> str:
    if len(due) == 1:
        return next(iter(due))
    slack = size / (2 * len(due) - 2)
    fit = [ip for ip in due if due[ip] >= slack - _ROUNDING] or list(due)
    return min(fit, key=lambda ip: ((size - slack - due[ip]) / shares[ip], ip))
