"""Templates, and what they may call: numbers, times and shares as people read them."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from lab.reports.page import FOLDER as REPORTS
from lab.web.lab_here import LabHere
from lab.web.navigation import PLACES
from lab.web.static import address
from mail.notation import said_duration

NOTHING: Final = "\N{EN DASH}"
FOLDER: Final = Path(__file__).with_name("templates")


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _share(value: float | None, digits: int = 1) -> str:
    return NOTHING if value is None else f"{value:.{digits}%}"


def moment(at: float | None) -> str:
    """A time as tables have it, in local time."""
    if at is None:
        return NOTHING
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _bytes(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f} B"


def _took(seconds: float | None) -> str:
    """A duration of any size: ``0.0042`` → ``4.2 ms``, ``75`` → ``1 min 15 s``."""
    if seconds is None:
        return NOTHING
    if seconds < 0.0005:
        return "0 ms"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.2f} s" if seconds < 60 else said_duration(seconds)


def _words(value: object) -> str:
    """``no_worker_for_affinity`` → ``no worker for affinity``."""
    return str(value).replace("_", " ")


def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        # Sheets of reports are the same on a page of their own.
        loader=jinja2.FileSystemLoader([FOLDER, REPORTS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(
        number=_number, share=_share, moment=moment, iso=_iso, bytes=_bytes, words=_words,
        duration=said_duration, took=_took, zip=zip,
    )  # fmt: skip
    found.globals.update(static=address, places=PLACES)
    return found


ENVIRONMENT: Final = _environment()


def is_live(request: Request) -> bool:
    """Whether only what is live of a page is asked for, since something changed."""
    return request.headers.get("hx-request") == "true" and "hx-boosted" not in request.headers


def page(
    request: Request, lab: LabHere, name: str, values: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """A page from its template; for htmx the part of it that is live, its block ``live``.

    ``values`` of every page: ``here``, the key of its place in the navigation, and ``title``.
    """
    template = ENVIRONMENT.get_template(name)
    given = {
        "lab_name": lab.loaded.configuration.lab.name,
        "is_kept": lab.is_kept,
        "has_token": lab.loaded.configuration.web.token_file is not None,
        "now": lab.now(),
        "path": request.url.path,
        "query": request.url.query,
        **values,
    }
    if is_live(request):
        context = template.new_context(given)
        html = "".join(template.blocks["live"](context))
        return HTMLResponse(html, status, headers={"Vary": "HX-Request"})
    return HTMLResponse(template.render(given), status, headers={"Vary": "HX-Request"})
