"""``/api/v1/flow``: the picture of the pipeline as values."""

from typing import Any

from fastapi import APIRouter

from lab.web.flow_here import flow_here
from lab.web.lab_here import Here

router = APIRouter(tags=["standing"])


@router.get("/flow")
def flow(lab: Here) -> dict[str, Any]:
    """What moves from deliveries over lanes, instances and source IPs to destinations, and stops.

    Rates are attempts per second. At most eight nodes of a column; one for all that is more.
    """
    return flow_here(lab).as_json()
