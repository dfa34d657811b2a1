"""Where the parts of a report's pictures are: pure geometry, in units of an SVG ``WIDTH`` wide."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.reports.shown import cell, tick
from monitor.reports.sheet import Chart, Sheet

WIDTH: Final = 760.0
HEIGHT: Final = 270.0
LEFT: Final = 88.0
BOTTOM: Final = 236.0
TOP: Final = 12.0
RIGHT: Final = 748.0
LABELS: Final = 230.0  # left of horizontal bars
ROW: Final = 26.0
BARS_MAX: Final = 25
_LABEL_MAX: Final = 34  # characters
_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a series."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A text at a place of an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A series as a line: ``x,y x,y …``."""

    points: str
    series: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole picture."""

    title: str
    kind: str
    height: float
    legend: tuple[str, ...]
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()
    x_marks: tuple[Mark, ...] = ()
    y_marks: tuple[Mark, ...] = ()
    left_out: int = 0


def numbers(sheet: Sheet, name: str) -> list[float]:
    """A column as numbers; nothing is 0."""
    return [float(each) if isinstance(each, int | float) else 0.0 for each in sheet.values(name)]


def drawing(sheet: Sheet, chart: Chart) -> Drawing:
    """The picture of a chart of a sheet."""
    legend = tuple(sheet.column(each).label for each in chart.ys)
    if chart.kind == "bars":
        return _bars(sheet, chart, legend)
    return _over_x(sheet, chart, legend)


def _bars(sheet: Sheet, chart: Chart, legend: tuple[str, ...]) -> Drawing:
    labels = [str(each or "") for each in sheet.values(chart.x)][:BARS_MAX]
    series = [numbers(sheet, each)[:BARS_MAX] for each in chart.ys]
    longest = max((max(each, default=0.0) for each in series), default=0.0) or 1.0
    units = [sheet.column(each).unit for each in chart.ys]
    height = (ROW - 6) / len(series)
    boxes = []
    for place, _ in enumerate(labels):
        for number, values in enumerate(series):
            width = (RIGHT - LABELS - 90) * values[place] / longest
            y = place * ROW + 3 + number * height
            text = cell(values[place], units[number])
            boxes.append(Box(LABELS, _r(y), _r(width), _r(height - 1), number, text))
    marks = tuple(Mark(_r(place * ROW + ROW / 2), _cut(each)) for place, each in enumerate(labels))
    left_out = max(0, len(sheet.rows) - BARS_MAX)
    return Drawing(
        chart.title, "bars", max(1, len(labels)) * ROW, legend, tuple(boxes), y_marks=marks,
        left_out=left_out,
    )  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= _LABEL_MAX else text[: _LABEL_MAX - 1] + "…"


def _over_x(sheet: Sheet, chart: Chart, legend: tuple[str, ...]) -> Drawing:
    xs = numbers(sheet, chart.x)
    series = [numbers(sheet, each) for each in chart.ys]
    if chart.kind == "stacked":
        highest = max((sum(each) for each in zip(*series, strict=True)), default=0.0)
    else:
        highest = max((max(each, default=0.0) for each in series), default=0.0)
    unit = sheet.column(chart.ys[0]).unit
    ticks = nice(highest)
    top = ticks[-1]

    def y(value: float) -> float:
        return _r(BOTTOM - (BOTTOM - TOP) * value / top)

    step = (RIGHT - LEFT) / len(xs)
    boxes: list[Box] = []
    lines: list[Line] = []
    if chart.kind == "stacked":
        for place in range(len(xs)):
            below = 0.0
            for number, values in enumerate(series):
                value = values[place]
                if value:
                    x, width = LEFT + place * step + step * 0.08, step * 0.84
                    height = y(below) - y(below + value)
                    text = f"{legend[number]}: {cell(value, unit)}"
                    boxes.append(Box(_r(x), y(below + value), _r(width), _r(height), number, text))
                below += value
    else:
        for number, values in enumerate(series):
            at = (
                f"{_r(LEFT + (place + 0.5) * step)},{y(value)}"
                for place, value in enumerate(values)
            )
            lines.append(Line(" ".join(at), number))
    return Drawing(
        chart.title, chart.kind, HEIGHT, legend, tuple(boxes), tuple(lines),
        _x_marks(sheet, chart, xs, step),
        tuple(Mark(y(each), cell(each, unit)) for each in ticks),
    )  # fmt: skip


def _x_marks(sheet: Sheet, chart: Chart, xs: Sequence[float], step: float) -> tuple[Mark, ...]:
    unit = sheet.column(chart.x).unit
    length = xs[-1] - xs[0] if xs else 0.0
    every = max(1, math.ceil(len(xs) / _TICKS))
    return tuple(
        Mark(
            _r(LEFT + (place + 0.5) * step),
            tick(xs[place], length) if unit == "time" else f"{100 * xs[place]:.0f} %",
        )
        for place in range(0, len(xs), every)
    )


def nice(highest: float) -> list[float]:
    """The ends of about four equal steps from 0 to the highest value or just above it."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.999999)
    count = max(1, math.ceil(highest / step - 1e-9))
    return [step * number for number in range(count + 1)]


def _r(value: float) -> float:
    return round(value, 1)
