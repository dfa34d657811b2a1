"""Reports: all of them, and one with what it can be asked for, its plots, tables and formulas."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, StringConstraints

from lab.reports import page as own_page
from lab.reports.asking import Asked, NoSuchReport, made, mail_of
from lab.reports.picture import write_picture
from lab.reports.shown import Shown
from lab.web.asked import reason_of, seconds_of, time_of
from lab.web.lab_here import Here, LabHere
from lab.web.problems import status_of
from lab.web.rendering import page
from mail.errors import UserError
from mail.reason import Reason
from monitor.reports.catalogue import ENTRIES, REPORTS, Entry
from monitor.reports.urls import HOT
from store import deliveries

router = APIRouter()
ROWS_MAX: Final = 100  # of a sheet; its CSV has all
DELIVERIES_SHOWN: Final = 200
_OWN_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_Text = Annotated[str, StringConstraints(max_length=320, strip_whitespace=True)]


class Typed(BaseModel):
    """What somebody typed, as it stands in the address."""

    delivery: _Text = ""
    since: _Text = ""
    until: _Text = ""
    scale: _Text = ""
    humans: _Text = ""
    domain: _Text = ""
    reason: _Text = ""
    ip: _Text = ""

    def query(self) -> str:
        return urlencode({key: value for key, value in self.model_dump().items() if value})


Question = Annotated[Typed, Query()]


@router.get("/reports")
def catalogue(request: Request, lab: Here) -> HTMLResponse:
    newest = lab.read(deliveries.find, limit=1)
    return page(
        request,
        lab,
        "reports.html",
        {
            "here": "reports",
            "title": "Reports",
            "entries": ENTRIES,
            "newest": newest[0] if newest else None,
        },
    )


@router.get("/reports/{name}")
def report(request: Request, lab: Here, name: str, typed: Question) -> HTMLResponse:
    entry = _entry(name)
    shown, refused, status = None, None, 200
    try:
        shown = _shown(lab, entry, typed)
    except UserError as error:
        refused = error
        status = 200 if _is_only_unasked(entry, typed) else status_of(error)
    parts: Mapping[str, Any] = {} if shown is None else own_page.parts(shown, ROWS_MAX)
    return page(
        request,
        lab,
        "report.html",
        {
            "here": "reports",
            "title": entry.title,
            "entry": entry,
            "typed": typed,
            "asked": typed.query(),
            "deliveries": lab.read(deliveries.find, limit=DELIVERIES_SHOWN),
            "reasons": [each.label for each in Reason],
            "refused": refused,
            "is_unasked": _is_only_unasked(entry, typed),
            "is_hot": entry.name == HOT and shown is not None,
            "shown": shown,
            **parts,
        },
        status,
    )


@router.get("/reports/{name}/page")
def by_itself(lab: Here, name: str, typed: Question) -> HTMLResponse:
    """As one page that needs nothing else, to be kept or sent on."""
    shown = _shown(lab, _entry(name), typed)
    return HTMLResponse(
        own_page.page(shown, mail_of(shown, lab.store)),
        headers={
            "Content-Security-Policy": _OWN_POLICY,
            "Content-Disposition": f'attachment; filename="{name}.html"',
        },
    )


@router.get("/reports/{name}/picture")
def picture(lab: Here, name: str, typed: Question) -> Response:
    """Its plots as a PNG file; refused where there is nothing to draw, or nothing to draw with."""
    shown = _shown(lab, _entry(name), typed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.png"
        write_picture(shown, file)
        content = file.read_bytes()
    kept = {"Content-Disposition": f'attachment; filename="{name}.png"'}
    return Response(content, media_type="image/png", headers=kept)


def _entry(name: str) -> Entry:
    if name not in REPORTS:
        raise NoSuchReport(
            f"there is no report {name!r}", remedy="Reports are: " + ", ".join(REPORTS) + "."
        )
    return REPORTS[name]


def _is_only_unasked(entry: Entry, typed: Typed) -> bool:
    """Whether the report is of one delivery, and none was chosen yet."""
    return entry.of == "delivery" and not typed.delivery


def _shown(lab: LabHere, entry: Entry, typed: Typed) -> Shown:
    now = lab.now()
    number = int(typed.delivery) if typed.delivery.isdecimal() else None
    asked = Asked(
        number,
        time_of("since", typed.since or None, now),
        time_of("until", typed.until or None, now),
        seconds_of("scale", typed.scale, least=1.0) if typed.scale else None,
        bool(typed.humans),
        typed.domain or None,
        reason_of(typed.reason or None),
        typed.ip or None,
    )
    command = f"mtalab report {entry.name}" + ("" if number is None else f" -d {number}")
    return made(lab.store, lab.loaded, now, entry.name, asked, command)
