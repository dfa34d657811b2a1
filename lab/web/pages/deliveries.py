"""The list of deliveries: the first page."""

from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from lab.shapes.delivery import as_json
from lab.web.asked import Cursor
from lab.web.lab_here import Here
from lab.web.rendering import page
from mail.states import DeliveryStatus
from store import delivery_search

router = APIRouter()
_PAGE: Final = 50


@router.get("/")
def listed(
    request: Request,
    lab: Here,
    label: Annotated[str, Query(max_length=200)] = "",
    status: DeliveryStatus | Literal[""] = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    wanted = delivery_search.Wanted(label.strip(), status or None)
    found = lab.read(delivery_search.find, wanted, _PAGE + 1, cursor)
    shown = found[:_PAGE]
    chosen = {"label": wanted.label, "status": str(status)}
    filters = {key: value for key, value in chosen.items() if value}
    following = urlencode({**filters, "cursor": shown[-1].id}) if len(found) > _PAGE else ""
    values = {
        "here": "deliveries",
        "title": "Deliveries",
        "deliveries": [as_json(each) for each in shown],
        "chosen": chosen,
        "is_filtered": bool(filters),
        "statuses": list(DeliveryStatus),
        "newest": ("/?" + urlencode(filters)) if cursor is not None else None,
        "following": f"/?{following}" if following else None,
    }
    return page(request, lab, "deliveries.html", values)
