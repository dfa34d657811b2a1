"""``/api/v1/deliveries``: the list, and one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from lab.shapes.delivery import as_json
from lab.web.lab_here import Here
from store import deliveries

router = APIRouter(prefix="/deliveries", tags=["deliveries"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the delivery.")]


@router.get("/{delivery}")
def one(lab: Here, delivery: Number) -> dict[str, Any]:
    """One delivery with its counters."""
    return as_json(lab.read(deliveries.get, delivery))


@router.get("")
def listed(
    lab: Here,
    limit: Annotated[int, Query(ge=1, le=200, description="How many, the newest first.")] = 50,
) -> dict[str, Any]:
    """Deliveries, the newest first."""
    found = lab.read(deliveries.find, limit=limit)
    return {"deliveries": [as_json(each) for each in found], "next": None}
