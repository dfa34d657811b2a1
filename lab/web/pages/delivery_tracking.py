"""What came back of a delivery: indicators, URLs, hot clicks over its mail, the tracking log."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from lab.reports.asking import Asked, made, mail_of
from lab.reports.shown import Shown, cell
from lab.web.asked import DeliveryNumber
from lab.web.delivery_head import head_of
from lab.web.lab_here import Here, LabHere
from lab.web.mail_view import still
from lab.web.problems import NotHere
from lab.web.rendering import page
from mail.tracked import PIXEL
from monitor.reports.sheet import Sheet
from monitor.reports.urls import HOT
from store import tracked_urls, tracking_search
from store.tracked_urls import TrackedDelivery

router = APIRouter()
_MOST: Final = 100
_MOST_OF_ALL: Final = 1000
_VIEWS: Final = (("figures", "Indicators and URLs"), ("hot", "Hot clicks"), ("log", "Tracking log"))
_INDICATORS: Final = "indicators"
_Humans = Annotated[bool, Query(description="Without what machines did.")]


@router.get("/deliveries/{number}/tracking")
def tracking(
    request: Request,
    lab: Here,
    *,
    number: DeliveryNumber,
    show: Annotated[str, Query(max_length=20)] = "",
    humans: _Humans = False,
    limit: Annotated[int, Query(ge=1, le=_MOST_OF_ALL)] = _MOST,
) -> HTMLResponse:
    tracked = lab.read(tracked_urls.of, number)
    views = [key for key, _ in _VIEWS]
    values: dict[str, Any] = {
        **head_of(lab, number, "tracking"),
        "tracked": tracked,
        "humans": humans,
        "views": _VIEWS,
        "show": show if show in views else views[0],
    }
    if tracked is not None:
        values |= _seen(lab, tracked, number, values["show"], limit, humans=humans)
    return page(request, lab, "delivery_tracking.html", values)


def _seen(
    lab: LabHere, tracked: TrackedDelivery, number: int, show: str, limit: int, *, humans: bool
) -> dict[str, Any]:
    """What one of the views shows."""
    if show == "log":
        wanted = tracking_search.Filter(delivery_id=number, humans=humans)
        entries = lab.read(tracking_search.entries, wanted, limit)
        return {"entries": entries[::-1], "is_more": len(entries) == limit < _MOST_OF_ALL}
    hot = _report(lab, HOT, number, humans=humans)
    if show == "hot":
        has_html = mail_of(hot, lab.store) is not None
        return {"has_html": has_html, "asked": "?humans=true" if humans else ""}
    clicks = _by_url(hot.report.sheets[0])
    return {
        "indicators": _indicators(_report(lab, _INDICATORS, number, humans=humans)),
        "urls": [
            (each, *clicks.get(each.url, (None, None)))
            for each in tracked.urls
            if each.number != PIXEL
        ],
    }


@router.get("/deliveries/{number}/tracking/hot")
def hot_clicks(lab: Here, *, number: DeliveryNumber, humans: _Humans = False) -> Response:
    """The mail as its source has it with shares beside its links, for the frame of the page."""
    found = mail_of(_report(lab, HOT, number, humans=humans), lab.store)
    if found is None:
        raise NotHere("the delivery has no HTML to show clicks on")
    return still(found)


def _report(lab: LabHere, name: str, number: int, *, humans: bool) -> Shown:
    asked = Asked(delivery=number, humans=humans)
    command = f"mtalab report {name} -d {number}"
    return made(lab.store, lab.loaded, lab.now(), name, asked, command)


def _by_url(sheet: Sheet) -> Mapping[str, tuple[Any, Any]]:
    """Clicks and share of each URL."""
    rows = zip(*(sheet.values(each) for each in ("url", "clicks", "share")), strict=True)
    return {str(url): (clicks, share) for url, clicks, share in rows}


def _indicators(shown: Shown) -> list[tuple[str, str, str]]:
    """Label, value and formula of each."""
    sheet = shown.report.sheets[0]
    formulas = {each.name: each.formula for each in shown.entry.figures}
    columns = (sheet.values(each) for each in ("indicator", "label", "value", "unit"))
    return [
        (str(label), cell(value, str(unit)), formulas.get(str(name), ""))
        for name, label, value, unit in zip(*columns, strict=True)
    ]
