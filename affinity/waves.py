"""A delivery in waves: how many messages go in each, and when it begins.

Written in one of two ways. ``30%:6h``: equal waves, one each six hours; the last takes the
remainder. ``0s=25%,6h=50%,6h=rest``: a calendar, each wave with its delay since the beginning of
the one before. A size is a share of the recipients or a number of them; recipients go in their
order.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from mail.notation import duration_s

WAVES_MAX: Final = 1000
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)%|(\d+)")
_EXPECTED: Final = "expected equal waves such as 30%:6h, or a calendar such as 0s=25%,6h=50%,6h=25%"


@dataclass(frozen=True, slots=True)
class Wave:
    """``delay_s`` counts from the contact date."""

    delay_s: float
    messages: int


@dataclass(frozen=True, slots=True)
class _Entry:
    delay_s: float
    share: Fraction = Fraction(0)  # of the recipients
    number: int = 0


@dataclass(frozen=True, slots=True)
class WavePlan:
    """What was written; ``period_s`` None: a calendar."""

    entries: tuple[_Entry, ...]
    period_s: float | None = None
    takes_the_rest: bool = True  # the last wave

    @classmethod
    def parse(cls, text: str) -> "WavePlan":
        """Read either way of writing.

        Raises:
            ValueError: it is neither; the words say what was expected.
        """
        if "=" not in text:
            return _equal(text)
        return _calendar(text.split(","))

    def waves(self, recipients: int) -> list[Wave]:
        """The waves of so many recipients; none is empty, and together they hold all.

        Raises:
            ValueError: the calendar leaves some out, or there are too many waves.
        """
        found: list[Wave] = []
        for delay_s, end in self._ends(recipients):
            held = sum(each.messages for each in found)
            if end > held:
                found.append(Wave(delay_s, end - held))
        return found

    def _ends(self, recipients: int) -> list[tuple[float, int]]:
        """Each wave's delay, and how many recipients have gone when it is through."""
        if self.period_s is not None:
            [one] = self.entries
            number = math.ceil(recipients / (one.number or one.share * recipients))
            if number > WAVES_MAX:
                raise ValueError(f"expected at most {WAVES_MAX} waves, got {number}")
            repeated = [_Entry(k * self.period_s, one.share, one.number) for k in range(number)]
        else:
            repeated = list(self.entries)
        ends: list[tuple[float, int]] = []
        share, number = Fraction(0), 0
        for each in repeated:
            share, number = share + each.share, number + each.number
            # Rounded up: of one recipient, the first wave has it.
            ends.append((each.delay_s, min(recipients, math.ceil(share * recipients) + number)))
        if self.takes_the_rest:
            ends[-1] = (ends[-1][0], recipients)
        elif ends[-1][1] < recipients:
            raise ValueError(
                f"the waves hold {ends[-1][1]} of {recipients} recipients; "
                "end with =rest, so that none is left out"
            )
        return ends


def _equal(text: str) -> WavePlan:
    size, separator, period = text.partition(":")
    if not separator:
        raise ValueError(_EXPECTED)
    period_s = duration_s(period)
    if period_s <= 0:
        raise ValueError("expected a period of more than nothing between two waves")
    return WavePlan((_entry(0.0, size),), period_s)


def _calendar(words: Sequence[str]) -> WavePlan:
    entries: list[_Entry] = []
    at, has_rest = 0.0, False
    for place, word in enumerate(words, 1):
        delay, _, size = word.partition("=")
        at += duration_s(delay)
        if size.strip() == "rest":
            if place < len(words):
                raise ValueError("expected rest as the size of the last wave, and of no other")
            entries.append(_Entry(at))
            has_rest = True
        else:
            entries.append(_entry(at, size))
    share = sum((each.share for each in entries), Fraction(0))
    is_by_share = not any(each.number for each in entries)
    if share > 1 or (share < 1 and is_by_share and not has_rest):
        raise ValueError(f"expected shares of 100 % together, got {float(share * 100):g} %")
    if len(entries) > WAVES_MAX:
        raise ValueError(f"expected at most {WAVES_MAX} waves, got {len(entries)}")
    return WavePlan(tuple(entries), takes_the_rest=has_rest)


def _entry(delay_s: float, size: str) -> _Entry:
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        raise ValueError(_EXPECTED)
    if found[1] is None:
        entry = _Entry(delay_s, number=int(found[2]))
    else:
        entry = _Entry(delay_s, share=Fraction(found[1]) / 100)
    if not (entry.share or entry.number) or entry.share > 1:
        raise ValueError(
            f"expected waves of more than nothing and at most 100%, got {size.strip()}"
        )
    return entry
