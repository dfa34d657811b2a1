"""``/api/v1/find``: what a word may mean, for the search field of the pages."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from lab.shapes.delivery import as_json as delivery_as_json
from lab.shapes.lane import as_json as lane_as_json
from lab.shapes.log import as_json as message_as_json
from lab.shapes.received import as_json as mail_as_json
from lab.web.lab_here import Here
from lab.web.searching import search
from store.address_search import as_rows

router = APIRouter(tags=["find"])


@router.get("/find")
def find(lab: Here, q: Annotated[str, Query(min_length=1, max_length=320)]) -> dict[str, Any]:
    """Deliveries, messages, addresses, source IPs, lanes, affinities and mails that a word means.

    The newest few of each. Mails are looked for by subject, among the newest that sinks received.
    """
    found = search(lab, q.strip())
    return {
        "deliveries": [delivery_as_json(each) for each in found.deliveries],
        "messages": [message_as_json(each) for each in found.messages],
        "addresses": as_rows(found.addresses),
        "source_ips": [asdict(each) for each in found.source_ips],
        "lanes": [lane_as_json(each) for each in found.lanes],
        "affinities": list(found.affinities),
        "mails": [mail_as_json(each) for each in found.mails],
    }
