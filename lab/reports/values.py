"""A report as values for programs: JSON and CSV."""

import csv
import io
from typing import Any

from lab.reports.shown import Shown
from monitor.reports.sheet import Cell, Sheet


def as_json(shown: Shown, *, explain: bool) -> dict[str, Any]:
    """The shape in ``docs/json.md``."""
    request = shown.request
    found: dict[str, Any] = {
        "report": shown.entry.name,
        "title": shown.entry.title,
        "delivery": None if request.delivery is None else request.delivery.id,
        "from": request.since,
        "to": request.until,
        "now": request.now,
        "humans": request.humans,
        "sheets": [_sheet(each) for each in shown.report.sheets],
        "notes": list(shown.report.notes),
    }
    if explain:
        found["explain"] = [
            {"figure": each.name, "formula": each.formula, "counters": each.counters}
            for each in shown.entry.figures
        ]
    return found


def _sheet(sheet: Sheet) -> dict[str, Any]:
    names = [each.name for each in sheet.columns]
    return {
        "name": sheet.name,
        "title": sheet.title,
        "columns": [{"name": each.name, "unit": each.unit} for each in sheet.columns],
        "rows": [dict(zip(names, row, strict=True)) for row in sheet.rows],
    }


def as_csv(sheet: Sheet) -> str:
    """A header of the columns' names, then the rows; nothing is rounded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([each.name for each in sheet.columns])
    writer.writerows([["" if cell is None else _inert(cell) for cell in row] for row in sheet.rows])
    return out.getvalue()


def _inert(cell: Cell) -> Cell:
    """What a receiver said or an application called its delivery is no formula of a spreadsheet."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + cell
    return cell
