"""A report as one HTML page that needs nothing else: style and pictures are in it."""

from pathlib import Path
from typing import Any, Final

import jinja2

from lab.reports import drawing
from lab.reports.shown import Shown, cells_of, is_right, is_upright, label, moment

ROWS_MAX: Final = 1000  # of a sheet: a browser has to lay them out
FOLDER: Final = Path(__file__).parent  # of page.html and sheets.html


def page(shown: Shown, mail: str | None = None) -> str:
    """The page; ``mail`` is HTML that is shown in a frame in which nothing of it runs."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(mail=mail, made_at=moment(shown.request.now), **parts(shown))


def parts(shown: Shown, rows_max: int = ROWS_MAX) -> dict[str, Any]:
    """What ``sheets.html`` is rendered with."""
    return {
        "shown": shown,
        "drawing": drawing,
        "drawings": {
            each.name: [drawing.drawing(each, chart) for chart in each.charts]
            for each in shown.report.sheets
        },
        "cells_of": cells_of,
        "is_right": is_right,
        "is_upright": is_upright,
        "label": label,
        "rows_max": rows_max,
    }
