"""``/api/v1/deliveries``: the list, one, its parts and its links."""

from typing import Any

from fastapi import APIRouter

from lab.shapes.delivery import as_json
from lab.web.asked import DeliveryNumber, Paged, next_of
from lab.web.lab_here import Here
from store import deliveries

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


@router.get("")
def listed(lab: Here, page: Paged) -> dict[str, Any]:
    """Deliveries, the newest first."""
    found = lab.read(deliveries.find, limit=page.limit, before_id=page.before)
    last = found[-1].id if found else 0
    return {"deliveries": [as_json(each) for each in found], "next": next_of(found, page, last)}


@router.get("/{delivery}")
def one(lab: Here, delivery: DeliveryNumber) -> dict[str, Any]:
    """One delivery with its counters."""
    return as_json(lab.read(deliveries.get, delivery))
