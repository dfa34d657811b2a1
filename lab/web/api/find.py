"""``/api/v1/find``: what a word may mean, for the search field of the pages."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from lab.shapes.delivery import as_json as delivery_as_json
from lab.shapes.log import as_json as message_as_json
from lab.web.lab_here import Here
from store import finding

router = APIRouter(tags=["find"])


@router.get("/find")
def find(lab: Here, q: Annotated[str, Query(min_length=1, max_length=320)]) -> dict[str, Any]:
    """Deliveries by number or label, messages by number or address; the newest few of each."""
    found = lab.read(finding.find, q.strip())
    return {
        "deliveries": [delivery_as_json(each) for each in found.deliveries],
        "messages": [message_as_json(each) for each in found.messages],
    }
