"""``/api/v1/reports``: which there are, and one, as `mtalab report` has them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response

from lab.reports.asking import Asked, made, sheet_of
from lab.reports.values import as_csv, as_json
from lab.web.asked import OfDelivery, reason_of, seconds_of, time_of
from lab.web.lab_here import Here
from monitor.reports.catalogue import ENTRIES

router = APIRouter(prefix="/reports", tags=["reports"])


@router.get("")
def listed() -> dict[str, Any]:
    """All reports: name, title, what they show, and of what they are."""
    return {
        "reports": [
            {"name": each.name, "title": each.title, "what": each.what, "of": each.of}
            for each in ENTRIES
        ]
    }


@router.get("/{name}", response_model=None)
def report(  # noqa: PLR0913 - all that a report can be asked for
    lab: Here,
    name: str,
    *,
    delivery: OfDelivery = None,
    since: Annotated[str | None, Query(description="A time, or 10d for ten days ago.")] = None,
    until: Annotated[str | None, Query(description="A time, or 10m for ten minutes ago.")] = None,
    scale: Annotated[str | None, Query(description="Such as 1h or 30d.")] = None,
    humans: Annotated[bool, Query(description="Without what machines did.")] = False,
    domain: str | None = None,
    reason: str | None = None,
    ip: str | None = None,
    explain: Annotated[bool, Query(description="With the formula of each figure.")] = False,
    sheet: str | None = None,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> dict[str, Any] | Response:
    """A report from counters, as JSON or one of its sheets as CSV."""
    now = lab.now()
    asked = Asked(
        delivery,
        time_of("since", since, now),
        time_of("until", until, now),
        None if scale is None else seconds_of("scale", scale, least=1.0),
        humans,
        domain,
        reason_of(reason),
        ip,
    )
    command = f"mtalab report {name}" + ("" if delivery is None else f" -d {delivery}")
    shown = made(lab.store, lab.loaded, now, name, asked, command)
    if form == "csv":
        return PlainTextResponse(as_csv(sheet_of(shown, sheet)), media_type="text/csv")
    return as_json(shown, explain=explain)
