"""What happened to a delivery in words, whom its analysis left out, what there is of proofs."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from lab.web.asked import DeliveryNumber
from lab.web.delivery_head import head_of
from lab.web.lab_here import Here
from lab.web.rendering import page
from mail.states import MessageStatus
from monitor.reports.tally import tally
from store import audit, report_messages
from store.report_scope import Scope

router = APIRouter()
_MOST: Final = 100


@router.get("/deliveries/{number}/audit")
def audited(
    request: Request,
    lab: Here,
    number: DeliveryNumber,
    limit: Annotated[int, Query(ge=1, le=1000)] = _MOST,
) -> HTMLResponse:
    head = head_of(lab, number, "audit")
    entries = lab.read(audit.entries, delivery_id=number, limit=limit)
    of = tally(lab.read(report_messages.by_status, Scope(number)))
    excluded = of.status[MessageStatus.IGNORED]
    values = {
        **head,
        "entries": entries[::-1],
        "is_more": len(entries) == limit < 1000,
        "population": of.population,
        "excluded": excluded,
        "exclusions": [
            (reason.label, count, count / excluded)
            for reason, count in of.ignored.most_common()
            if count
        ],
    }
    return page(request, lab, "delivery_audit.html", values)
