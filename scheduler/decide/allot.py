"""Which source IP a stream uses next, when its parts are of different sizes.

The weighted choice wants to know the size of the part, but which part is next depends on the IP:
each IP has its own order of turns. So the choice is made for an *allotment* of messages, and parts
leave from that IP until it is used up. What the last of them took too much is owed: the IP is
passed over until its allotments have made up for it. So each IP has sent what the choice gave it,
to within the largest part; where all parts are of one size, exactly that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from affinity.choice import ChoiceState, choose


@dataclass(frozen=True, slots=True)
class Allotment:
    """The state of the choice, and by source IP the messages left; below zero: owed."""

    choice: ChoiceState = field(default_factory=ChoiceState)
    left: Mapping[str, int] = field(default_factory=dict)


def next_ip(
    state: Allotment, weights: Mapping[str, float], size: int
) -> tuple[str, Allotment] | None:
    """The IP to use now, with the allotment made; None when no IP has a weight above zero.

    Args:
        state: as ``used`` left it.
        weights: those of the IPs that are available now.
        size: the largest part that may be next.
    """
    for source_ip in weights:
        if state.left.get(source_ip, 0) > 0:
            return source_ip, state
    # Large enough that whoever owes most has made up for it when chosen once or twice.
    size = max(size, *(-state.left.get(source_ip, 0) for source_ip in weights), 1)
    choice, left = state.choice, dict(state.left)
    while (chosen := choose(choice, weights, size)) is not None:
        source_ip, choice = chosen
        left[source_ip] = left.get(source_ip, 0) + size
        if left[source_ip] > 0:
            return source_ip, Allotment(choice, left)
    return None


def used(state: Allotment, source_ip: str, size: int) -> Allotment:
    """The state after a part of ``size`` messages was granted."""
    return replace(state, left={**state.left, source_ip: state.left.get(source_ip, 0) - size})
