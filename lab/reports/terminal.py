"""A report in a terminal: tables, and bars where people would rather look."""

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.reports.shown import Shown, cells_of, is_right, is_upright, label
from monitor.reports.sheet import Chart, Sheet

BAR: Final = 32  # characters of the longest bar
WITH_BARS_MAX: Final = 10  # columns beside which there is room for bars
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_STYLES: Final = ("blue", "yellow", "red")
_VERDICTS: Final = {"more": "yellow", "less": "yellow", "as due": "green"}


def show(shown: Shown, console: Console, rows_max: int, *, explain: bool) -> None:
    """Print it; of each sheet so many rows at most."""
    console.print(Text(f"{shown.entry.title} · {shown.range}", "bold"))
    for each in shown.report.sheets:
        if not each.rows:
            console.print(Text(f"\n{each.title}: nothing", "dim"))
            continue
        console.print(upright(each) if is_upright(each) else table(each, rows_max))
        left = len(each.rows) - rows_max
        if left > 0:
            console.print(Text(f"and {left:,} more rows (--limit, --csv or --json)", "dim"))
    if explain:
        console.print(explanation(shown))
    for note in shown.report.notes if explain else ():
        console.print(Text(f"· {note}", "dim"))


def explanation(shown: Shown) -> Table:
    """How each figure is made."""
    found = Table(title="How it is made", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("figure", "formula", "counters"):
        found.add_column(column, overflow="fold")
    for each in shown.entry.figures:
        found.add_row(each.name, each.formula, each.counters)
    return found


def upright(sheet: Sheet) -> Table:
    """A sheet of one row, with a line for each column."""
    found = Table(title=sheet.title, box=box.SIMPLE_HEAD, title_justify="left", show_header=False)
    found.add_column()
    found.add_column(justify="right", overflow="fold")
    for column, words in zip(sheet.columns, cells_of(sheet.rows[0], sheet.columns), strict=True):
        found.add_row(label(column), words)
    return found


def table(sheet: Sheet, rows_max: int) -> Table:
    """A sheet, with the bars of its first chart at the right."""
    found = Table(title=sheet.title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in sheet.columns:
        found.add_column(
            column.label,
            justify="right" if is_right(column) else "left",
            overflow="fold",
        )
    chart = sheet.charts[0] if sheet.charts and len(sheet.columns) <= WITH_BARS_MAX else None
    bars = [] if chart is None else _bars(sheet, chart)
    if chart is not None and bars:
        drawn = chart.ys if chart.kind == "stacked" else chart.ys[:1]
        found.add_column(" + ".join(sheet.column(each).label for each in drawn))
    for number, row in enumerate(sheet.rows[:rows_max]):
        words = [Text(each, _VERDICTS.get(each, "")) for each in cells_of(row, sheet.columns)]
        found.add_row(*words, *bars[number : number + 1])
    return found


def _bars(sheet: Sheet, chart: Chart) -> list[Text]:
    series = [
        [float(each) if isinstance(each, int | float) else 0.0 for each in sheet.values(name)]
        for name in chart.ys
    ]
    if chart.kind != "stacked":
        series = series[:1]  # side by side there is no room
    longest = max((sum(each) for each in zip(*series, strict=True)), default=0.0)
    if not longest:
        return []
    bars = []
    for pieces in zip(*series, strict=True):
        bar = Text()
        for number, value in enumerate(pieces):
            bar.append(_bar(value / longest * BAR), _STYLES[number % len(_STYLES)])
        bars.append(bar)
    return bars


def _bar(length: float) -> str:
    whole, rest = divmod(round(length * 8), 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
