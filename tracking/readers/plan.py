"""What a reader will do with a message: a list of timed acts, from dice alone.

Nothing here has read the message: what there is to click is seen when its time has come. So a plan
costs little, and is made anew after a restart.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Final

from tracking.readers.settings import Delay, Reader
from world.chance import Chance

REOPENS_MAX: Final = 5
CLICKS_MAX: Final = 12  # of one person in one message
_SCAN_S: Final = (0.05, 0.5)  # a gateway is done within a second of delivery
_PREFETCH_S: Final = (0.5, 20.0)
_NORMAL: Final = NormalDist()
_TINY: Final = 1e-9


class What(StrEnum):
    """Kinds of acts."""

    OPEN = "open"
    CLICK = "click"
    OPT_OUT = "opt_out"
    MIRROR = "mirror"
    PREFETCH = "prefetch"  # a machine fetches all images
    SCAN = "scan"  # a machine follows all links

    @property
    def is_machine(self) -> bool:
        return self in (What.PREFETCH, What.SCAN)


class Who(StrEnum):
    """Whose act it is."""

    RECIPIENT = "recipient"
    FRIEND = "friend"  # to whom it was forwarded
    PROXY = "proxy"
    SCANNER = "scanner"


@dataclass(frozen=True, slots=True)
class Act:
    """One of them."""

    after_s: float  # the arrival of the message
    what: What
    who: Who
    number: int  # of its kind and person, from 0
    draw: float = 0.0  # in [0, 1): a choice that is left to its time

    @property
    def name(self) -> str:
        """Its own within the plan."""
        return f"{self.what}.{self.who}.{self.number}"


def plan(reader: Reader, chance: Chance) -> tuple[Act, ...]:
    """All acts of one message, in time; none is later than ``reader.within``."""
    found = [each for each in _acts(reader, chance) if each.after_s <= reader.within]
    return tuple(sorted(found, key=lambda each: each.after_s))  # at one time: as they were planned


def _acts(reader: Reader, chance: Chance) -> Iterator[Act]:
    if reader.scanner:
        yield Act(chance.uniform(*_SCAN_S), What.SCAN, Who.SCANNER, 0, chance.random())
    if reader.proxy != "off":
        yield Act(chance.uniform(*_PREFETCH_S), What.PREFETCH, Who.PROXY, 0)
    if chance.random() >= reader.opens:
        return
    opened = drawn(reader.delay, chance)
    yield from _visit(reader, chance, Who.RECIPIENT, opened)
    if chance.random() < reader.unsubscribes:
        after = opened + drawn(reader.click_delay, chance)
        yield Act(after, What.OPT_OUT, Who.RECIPIENT, 0, chance.random())
    if chance.random() < reader.forwards:
        yield from _visit(reader, chance, Who.FRIEND, opened + drawn(reader.delay, chance))


def _visit(reader: Reader, chance: Chance, who: Who, opened: float) -> Iterator[Act]:
    """What one person does with a message that is open before them."""
    after = opened
    yield Act(after, What.OPEN, who, 0)
    for number in _again(reader.reopens, chance, REOPENS_MAX):
        after += drawn(reader.reopen_delay, chance)
        yield Act(after, What.OPEN, who, number)
    if chance.random() < reader.clicks:
        after = opened + drawn(reader.click_delay, chance)
        yield Act(after, What.CLICK, who, 0, chance.random())
        for number in _again(reader.more_clicks, chance, CLICKS_MAX - 1):
            after += drawn(reader.click_delay, chance)
            yield Act(after, What.CLICK, who, number, chance.random())
    if chance.random() < reader.mirror:
        yield Act(opened + drawn(reader.click_delay, chance), What.MIRROR, who, 0, chance.random())


def _again(share: float, chance: Chance, most: int) -> Iterator[int]:
    """1, 2, … as long as the dice allow."""
    for number in range(1, most + 1):
        if chance.random() >= share:
            return
        yield number


def drawn(delay: Delay, chance: Chance) -> float:
    """A lognormal time in seconds."""
    if delay.median == 0 or delay.sigma == 0:
        return delay.median
    quantile = min(max(chance.random(), _TINY), 1 - _TINY)
    return delay.median * math.exp(delay.sigma * _NORMAL.inv_cdf(quantile))


def chosen(weights: list[float], draw: float) -> int | None:
    """The place that a draw in [0, 1) falls on; None: all weights are 0, or there are none."""
    total = math.fsum(weights)
    if total <= 0:
        return None
    left = draw * total
    last = None
    for place, weight in enumerate(weights):
        if weight > 0:
            last = place
            if left < weight:
                return place
            left -= weight
    return last
