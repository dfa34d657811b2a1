"""Which source IP the next part leaves from: exactly proportional to the weights over time.

Tijdeman's rule for the chairman assignment problem (Discrete Mathematics 32, 1980): of those who
may be chosen without getting too far ahead, the one who would be too far behind the earliest. We
count messages instead of turns; ``docs/decisions/0002-weighted-choice.md`` tells what that keeps.

Rules of this file: no dice, no floats; a state is never changed, only followed by another.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

# Accounts kept in a state. Each combination of IPs that can be available makes a few; those used
# longest ago are forgotten, which costs each IP less than one part.
_ACCOUNTS_MAX: Final = 64

_Weights = tuple[tuple[str, int], ...]  # by IP in order of their names, in lowest terms
_Key = tuple[_Weights, int]


@dataclass(frozen=True, slots=True)
class Account:
    """How far each IP is behind its due share, in messages times the sum of the weights.

    The figures add up to zero. ``largest`` is the size of the largest part so far.
    """

    behind: tuple[int, ...]
    largest: int = 0


@dataclass(frozen=True, slots=True)
class ChoiceState:
    """The accounts, the one used last at the end.

    One for each set of IPs that were available together, so that an IP that was out does not catch
    up; and within it one for each size of parts, roughly, so that the shares of a small delivery
    are not at the mercy of the large parts before it.
    """

    accounts: Mapping[_Key, Account] = field(default_factory=dict)


def choose(
    state: ChoiceState, weights: Mapping[str, float], size: int
) -> tuple[str, ChoiceState] | None:
    """The IP for a part of ``size`` messages and the next state; None when no weight is above zero.

    Weights are taken as the decimal numbers that they are written as. Cost: linear in the number
    of IPs.
    """
    assert size >= 1, "a part has messages"
    shares = _lowest_terms(tuple(sorted(weights.items())))
    if not shares:
        return None
    # 1-3, 4-15, 16-63, ...: what is counted together differs by less than a factor of four.
    key = (shares, (size.bit_length() - 1) // 2)
    before = state.accounts.get(key) or Account((0,) * len(shares))
    largest = max(before.largest, size)
    chosen = _earliest(before.behind, shares, largest)
    total = sum(weight for _, weight in shares)
    behind = tuple(
        owed + weight * size - (total * size if index == chosen else 0)
        for index, (owed, (_, weight)) in enumerate(zip(before.behind, shares, strict=True))
    )
    accounts = {each: account for each, account in state.accounts.items() if each != key}
    if len(accounts) == _ACCOUNTS_MAX:
        del accounts[next(iter(accounts))]
    accounts[key] = Account(behind, largest)
    return shares[chosen][0], ChoiceState(accounts)


def _earliest(behind: tuple[int, ...], shares: _Weights, largest: int) -> int:
    """The index of the IP to choose, for a part of at most ``largest`` messages."""
    if len(shares) == 1:
        return 0
    # With p parts of the largest size as unit, r = 2n - 2: an IP may be chosen if it would be
    # at least 1/r behind after that part, and must be before it is 1 - 1/r behind.
    rate = 2 * len(shares) - 2
    part = sum(weight for _, weight in shares) * largest
    fit = [
        index
        for index, (_, weight) in enumerate(shares)
        if rate * (behind[index] + weight * largest) >= part
    ]
    # The IPs are behind by zero together, so that after the part some one is by 1/n or more.
    return min(
        fit, key=lambda index: Fraction((rate - 1) * part - rate * behind[index], shares[index][1])
    )


@functools.lru_cache(maxsize=1024)
def _lowest_terms(weights: tuple[tuple[str, float], ...]) -> _Weights:
    """The weights above zero as whole numbers without a common divisor."""
    exact = [(ip, Fraction(str(weight))) for ip, weight in weights if weight > 0]
    scale = math.lcm(*(weight.denominator for _, weight in exact))
    whole = [(ip, int(weight * scale)) for ip, weight in exact]
    divisor = math.gcd(*(weight for _, weight in whole))
    return tuple((ip, weight // divisor) for ip, weight in whole)
