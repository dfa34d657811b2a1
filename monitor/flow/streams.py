"""Facts as streams: whole ways from a delivery to a destination, each with what goes along it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.flow.facts import Facts

OTHERS: Final = 0  # the delivery of what none of those that are known sent


@dataclass(frozen=True, slots=True)
class Stream:
    """One way, and what goes along it: attempts of the window, and messages in hand."""

    delivery_id: int
    lane: str
    instance: str
    source_ip: str
    mx_group: str
    attempts: float = 0.0
    trouble: float = 0.0  # of the attempts: put off or refused
    messages: int = 0


def streams(facts: Facts) -> Iterator[Stream]:
    """What was tried, then what is in hand. Nothing is counted twice, and nothing left out."""
    lane_of = _lanes(facts)
    shares = _shares(facts)
    for each in facts.traffic:
        way = (each.source_ip, each.mx_group)
        trouble = each.deferred + each.failed
        for delivery_id, share in shares.get(way, {OTHERS: 1.0}).items():
            yield Stream(
                delivery_id,
                lane_of(*way),
                each.mta,
                *way,
                (each.sent + trouble) * share,
                trouble * share,
            )
    for held in facts.in_hand:
        group = held.lane.partition(">")[2]
        yield Stream(
            held.delivery_id,
            held.lane,
            facts.instance_of.get(held.worker_id, "?"),
            held.source_ip,
            group,
            messages=held.messages,
        )


class _Lanes:
    """The lane of a source IP and an MX group."""

    def __init__(self, facts: Facts) -> None:
        self._of = {(each.source_ip, each.mx_group): each.key for each in facts.lanes}

    def __call__(self, source_ip: str, mx_group: str) -> str:
        shared = self._of.get((None, mx_group))
        return self._of.get((source_ip, mx_group)) or shared or f"{source_ip}>{mx_group}"


def _lanes(facts: Facts) -> _Lanes:
    return _Lanes(facts)


def _shares(facts: Facts) -> Mapping[tuple[str, str], Mapping[int, float]]:
    """Of each way the deliveries that went it, by their part of its attempts.

    Traffic is counted by the minute without deliveries, and by five minutes with them.
    """
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in facts.ways:
        counts[each.source_ip, each.mx_group][each.delivery_id] += each.attempts
    return {
        way: {delivery: count / sum(found.values()) for delivery, count in found.items()}
        for way, found in counts.items()
        if sum(found.values())
    }
