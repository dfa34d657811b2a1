"""Arithmetic that all reports share: parts of nothing, rounding, how sure a share is."""

import math
from typing import Final

# The two-sided 95 % point of the normal distribution.
_Z: Final = 1.959963984540054


def share(part: float, whole: float) -> float:
    """``part / whole``; 0 where there is no whole, as the modelled system has it."""
    return part / whole if whole else 0.0


def rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number of a quotient of numbers from 0, a half upwards; 0 without one."""
    return (2 * numerator + denominator) // (2 * denominator) if denominator else 0


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Between what a share lies with 95 % confidence, were each drawn by itself.

    The score interval of E. B. Wilson (Journal of the American Statistical Association 22, 1927),
    which holds near 0 and 1 too (Brown, Cai and DasGupta, Statistical Science 16, 2001). 0 to 1
    when nothing was drawn.
    """
    if not whole:
        return 0.0, 1.0
    observed, square = part / whole, _Z * _Z / whole
    middle = (observed + square / 2) / (1 + square)
    spread = observed * (1 - observed) / whole + square / (4 * whole)
    half = _Z * math.sqrt(spread) / (1 + square)
    low = 0.0 if part == 0 else max(0.0, middle - half)
    return low, 1.0 if part == whole else min(1.0, middle + half)
