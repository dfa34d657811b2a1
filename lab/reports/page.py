"""A report as one HTML page that needs nothing else: style and pictures are in it."""

from pathlib import Path
from typing import Final

import jinja2

from lab.reports import drawing
from lab.reports.shown import Shown, cells_of, is_right, is_upright, label, moment

ROWS_MAX: Final = 1000  # of a sheet: a browser has to lay them out
_TEMPLATE: Final = Path(__file__).with_name("page.html")


def page(shown: Shown, mail: str | None = None) -> str:
    """The page; ``mail`` is HTML that is shown in a frame in which nothing of it runs."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        shown=shown,
        mail=mail,
        made_at=moment(shown.request.now),
        drawing=drawing,
        drawings={
            each.name: [drawing.drawing(each, chart) for chart in each.charts]
            for each in shown.report.sheets
        },
        cells_of=cells_of,
        is_right=is_right,
        is_upright=is_upright,
        label=label,
        rows_max=ROWS_MAX,
    )
