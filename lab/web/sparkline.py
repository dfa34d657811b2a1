"""A line without axes, drawn on the server: where its points are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.reports.sheet import Cell

WIDTH: Final = 240.0
HEIGHT: Final = 48.0
_EDGE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Sparkline:
    """``points`` of an SVG polyline, ``area`` of a polygon below it; what is highest, and when."""

    points: str
    area: str
    highest: float
    last: float
    since: float
    until: float


def sparkline(times: Sequence[Cell], values: Sequence[Cell]) -> Sparkline | None:
    """None: there is nothing to draw. Times are epoch seconds."""
    at = [float(each) for each in times if isinstance(each, int | float)]
    heights = [float(each) if isinstance(each, int | float) else 0.0 for each in values]
    highest = max(heights, default=0.0)
    if not highest or len(at) != len(heights):
        return None
    step = (WIDTH - 2 * _EDGE) / max(len(heights) - 1, 1)
    room = HEIGHT - 2 * _EDGE
    places = [
        (_EDGE + place * step, HEIGHT - _EDGE - room * value / highest)
        for place, value in enumerate(heights)
    ]
    if len(places) == 1:
        places.append((WIDTH - _EDGE, places[0][1]))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    area = f"{places[0][0]:.1f},{HEIGHT:g} {points} {places[-1][0]:.1f},{HEIGHT:g}"
    return Sparkline(points, area, highest, heights[-1], at[0], at[-1])
