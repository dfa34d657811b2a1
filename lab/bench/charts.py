"""Where the parts of a chart are: pure geometry, in units of an SVG that is ``WIDTH`` wide."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 760.0
LABELS: Final = 190.0  # left of the bars
_VALUES: Final = 90.0  # right of them
ROW: Final = 30.0
_SPACE: Final = WIDTH - LABELS - _VALUES
PLOT_HEIGHT: Final = 300.0
_LEFT: Final = 60.0  # of a plot with axes
_TOP: Final = 10.0
NINES: Final = 4  # the right end of a percentile curve: 99.99 %


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart; the whisker goes from the least to the most of all runs."""

    label: str
    text: str
    y: float
    end: float
    whisker: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a stacked bar."""

    name: str
    share: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Stack:
    """One row of a chart of shares."""

    label: str
    y: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, and what stands at it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot: ``x,y x,y …``."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Curves:
    """A plot of percentiles, with logarithmic axes."""

    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def bars(
    rows: Sequence[tuple[str, float, str]], spreads: Sequence[tuple[float, float]] = ()
) -> list[Bar]:
    """Bars from 0, of one scale; rows are label, value and its text."""
    values = [value for _, value, _ in rows]
    longest = max([*values, *(most for _, most in spreads)], default=0.0) or 1.0

    def place(value: float) -> float:
        return round(LABELS + _SPACE * value / longest, 1)

    return [
        Bar(
            label,
            text,
            number * ROW,
            place(value),
            (place(spreads[number][0]), place(spreads[number][1])) if spreads else None,
        )
        for number, (label, value, text) in enumerate(rows)
    ]


def stacks(shares: Mapping[str, Mapping[str, float]]) -> list[Stack]:
    """A bar of the same length for each, divided as its shares are."""
    found = []
    for number, (label, parts) in enumerate(shares.items()):
        x, pieces = LABELS, []
        for name, share in parts.items():
            width = (WIDTH - LABELS) * share
            pieces.append(Piece(name, share, round(x, 1), round(width, 1)))
            x += width
        found.append(Stack(label, number * ROW, tuple(pieces)))
    return found


def percentiles() -> list[float]:
    """Those that a curve is drawn through, evenly spread over its axis."""
    return [100 - 100 * 10 ** (-step / 20) for step in range(NINES * 20 + 1)]


def curves(values: Mapping[str, Sequence[float]]) -> Curves:
    """Curves of values at ``percentiles()``; equal steps to the right are a nine more each."""
    floor = 0.001  # a logarithm needs something above zero: a microsecond of a millisecond
    shown = {name: [max(each, floor) for each in of] for name, of in values.items()}
    low = math.floor(math.log10(min((min(each) for each in shown.values()), default=floor)))
    high = math.ceil(math.log10(max((max(each) for each in shown.values()), default=1.0)))
    high = max(high, low + 1)

    def y(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return round(_TOP + PLOT_HEIGHT * (1 - share), 1)

    def x(nines: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _TOP * 2) * nines / NINES, 1)

    at = [-math.log10(1 - each / 100) for each in percentiles()]
    lines = [
        Curve(name, " ".join(f"{x(a)},{y(b)}" for a, b in zip(at, each, strict=True)))
        for name, each in shown.items()
    ]
    named = ((0, "0 %"), (math.log10(2), "50 %"), (1, "90 %"), (2, "99 %"), (3, "99.9 %"))
    return Curves(
        tuple(lines),
        tuple(Tick(x(nines), text) for nines, text in (*named, (4, "99.99 %"))),
        tuple(Tick(y(10.0**power), _power(power)) for power in range(low, high + 1)),
    )


def _power(power: int) -> str:
    """A power of ten in milliseconds, in its own unit."""
    if power >= 3:
        return f"{10 ** (power - 3):,} s"
    return f"{10**power} ms" if power >= 0 else f"{10 ** (power + 3)} µs"
