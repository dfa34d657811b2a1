"""The list of deliveries: the first page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from lab.shapes.delivery import as_json
from lab.web.lab_here import Here
from lab.web.rendering import page
from store import deliveries

router = APIRouter()


@router.get("/")
def listed(
    request: Request, lab: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> HTMLResponse:
    found = [as_json(each) for each in lab.read(deliveries.find, limit=limit)]
    return page(
        request,
        lab,
        "deliveries.html",
        {"here": "deliveries", "title": "Deliveries", "deliveries": found, "limit": limit},
    )
