"""A report's pictures as one PNG file, by matplotlib, which is an extra of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.reports.drawing import BARS_MAX, nice, numbers
from lab.reports.shown import Shown, cell, tick
from mail.errors import EnvironmentFault, UserError
from monitor.reports.sheet import Chart, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = ("#1f6fb2", "#e0a030", "#c9503f")
_TICKS: Final = 8


class NoPlots(EnvironmentFault):
    """matplotlib is not installed."""


class NothingToDraw(UserError):
    """A report without any picture, or without any row to draw."""


def write_picture(shown: Shown, file: Path) -> None:
    """Draw all charts of the report, one below the other.

    Raises:
        NoPlots: matplotlib is not there.
        NothingToDraw: the report has no chart, or nothing is in it.
    """
    charts = [(sheet, chart) for sheet in shown.report.sheets for chart in sheet.charts]
    if not charts:
        raise NothingToDraw(
            f"the report {shown.entry.name} has nothing to draw here",
            remedy="Look at it in the terminal, or as --csv or --html.",
        )
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPlots(
            "a PNG file needs matplotlib, which is not installed",
            remedy="pip install 'mtalab[plots]', or use --html, which needs nothing.",
        ) from None
    heights = [_height(*each) for each in charts]
    figure = Figure(figsize=(9.6, sum(heights) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{shown.entry.title} · {shown.range}", fontsize=12)
    axes = figure.subplots(len(charts), 1, squeeze=False, height_ratios=heights)
    for (sheet, chart), (each,) in zip(charts, axes, strict=True):
        if chart.kind == "bars":
            _draw_bars(each, sheet, chart)
        else:
            _draw_over_x(each, sheet, chart)
        each.set_title(chart.title, fontsize=10, loc="left")
        each.spines[["top", "right"]].set_visible(False)
        if len(chart.ys) > 1:
            each.legend(fontsize=8, frameon=False)
    figure.savefig(file, dpi=120, format="png")


def _height(sheet: Sheet, chart: Chart) -> float:
    """Inches."""
    bars = min(len(sheet.rows), BARS_MAX) * len(chart.ys)
    return 0.8 + 0.26 * bars if chart.kind == "bars" else 2.9


def _draw_bars(axes: "Axes", sheet: Sheet, chart: Chart) -> None:
    labels = [str(each or "") for each in sheet.values(chart.x)][:BARS_MAX]
    thick = 0.8 / len(chart.ys)
    for number, name in enumerate(chart.ys):
        column, values = sheet.column(name), numbers(sheet, name)[:BARS_MAX]
        at = [place + (number - (len(chart.ys) - 1) / 2) * thick for place in range(len(labels))]
        drawn = axes.barh(at, values, thick, color=_COLOURS[number % 3], label=column.label)
        axes.bar_label(drawn, [cell(each, column.unit) for each in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _draw_over_x(axes: "Axes", sheet: Sheet, chart: Chart) -> None:
    xs: Any = numbers(sheet, chart.x)
    places = range(len(xs))
    below = [0.0] * len(xs)
    highest = 0.0
    for number, name in enumerate(chart.ys):
        values, label = numbers(sheet, name), sheet.column(name).label
        colour = _COLOURS[number % 3]
        if chart.kind == "stacked":
            axes.bar(places, values, 0.84, bottom=below, color=colour, label=label)
            below = [one + other for one, other in zip(below, values, strict=True)]
            highest = max([highest, *below])
        else:
            axes.plot(places, values, color=colour, label=label, marker=".", markersize=4)
            highest = max([highest, *values])
    unit, ticks = sheet.column(chart.ys[0]).unit, nice(highest)
    axes.set_yticks(ticks, [cell(each, unit) for each in ticks], fontsize=8)
    axes.set_ylim(0, ticks[-1] * 1.02)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    chosen = range(0, len(xs), max(1, -(-len(xs) // _TICKS)))
    is_time = sheet.column(chart.x).unit == "time"
    length = xs[-1] - xs[0]
    words = [tick(xs[at], length) if is_time else f"{100 * xs[at]:.0f} %" for at in chosen]
    axes.set_xticks(list(chosen), words, fontsize=8)
