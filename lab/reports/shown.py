"""Cells as people read them, by the unit of their column."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mail.notation import said_duration
from monitor.reports.catalogue import Entry
from monitor.reports.request import Request
from monitor.reports.sheet import Cell, Column, Report, Sheet
from monitor.reports.steps import step_for

# By unit: from so much on in units of so much, named so; and the name of the least.
_SCALES: Final[dict[str, tuple[tuple[tuple[float, str], ...], str]]] = {
    "bytes": (((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")), "B"),
    "bit/s": (((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")), "bit/s"),
    "s": (((86_400.0, "d"), (3600.0, "h"), (60.0, "min")), "s"),
}
_UPRIGHT_MIN: Final = 8
_LEFT: Final = frozenset({"text", "time"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A report with what it was asked for, as every form of it says."""

    entry: Entry
    report: Report
    request: Request
    lab: str
    command: str

    @property
    def range(self) -> str:
        """The time that was asked for, in words; the local zone."""
        delivery, request = self.request.delivery, self.request
        words = [] if delivery is None else [f"delivery {delivery.id}: {delivery.label}"]
        if request.since is not None:
            words.append(f"from {moment(request.since)}")
        if request.until is not None:
            words.append(f"to {moment(request.until)}")
        if request.since is None and request.scale_s is not None:
            words.append(f"the last {said_duration(request.scale_s)}")
        drilled = (request.domain, request.reason and request.reason.label, request.source_ip)
        words += [each for each in drilled if each]
        words += ["humans only"] if request.humans else []
        return ", ".join(words) or "the whole lab"


def moment(at: float) -> str:
    """Date and time in the local zone."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def is_right(column: Column) -> bool:
    """Whether a column is set to the right."""
    return column.unit not in _LEFT


def is_upright(sheet: Sheet) -> bool:
    """Whether a sheet is better read from top to bottom: one row of many columns."""
    is_series = sheet.columns[0].unit == "time"
    return len(sheet.rows) == 1 and len(sheet.columns) >= _UPRIGHT_MIN and not is_series


def label(column: Column) -> str:
    """What a column is called where its unit is not seen from those beside it."""
    return f"{column.label}, share" if column.unit == "share" else column.label


def cell(value: Cell, unit: str) -> str:
    """A cell in words; empty: there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, str):
        return value
    return _number(value, unit)


def _number(value: float, unit: str) -> str:
    if unit in _SCALES:
        return _scaled(value, *_SCALES[unit])
    if unit == "share":
        return f"{100 * value:.2f} %"
    if unit == "time":
        return moment(value)
    if unit == "messages/h":
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def _scaled(value: float, scales: Sequence[tuple[float, str]], least: str) -> str:
    for size, name in scales:
        if value >= size:
            return f"{value / size:,.1f} {name}"
    return f"{value:,.0f} {least}"


def tick(at: float, length_s: float) -> str:
    """A time on an axis of so many seconds, in the local zone."""
    local = datetime.fromtimestamp(at, UTC).astimezone()
    if step_for(length_s) >= 86_400:
        return local.strftime("%m-%d")
    return local.strftime("%m-%d %H:%M" if length_s > 86_400 else "%H:%M")


def cells_of(report_row: Sequence[Cell], columns: Sequence[Column]) -> list[str]:
    """A row in words; the unit of a value may stand in the row itself."""
    units: list[str] = [each.unit for each in columns]
    names = [each.name for each in columns]
    if "unit" in names and "value" in names:
        units[names.index("value")] = str(report_row[names.index("unit")])
    return [cell(value, unit) for value, unit in zip(report_row, units, strict=True)]
