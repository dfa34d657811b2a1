"""What came back: the tracking log, links of a delivery, mails to return paths, addresses."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lab.shapes.audit import as_json as audit_as_json
from lab.shapes.bounce import as_json as bounce_as_json
from lab.shapes.tracking import as_json as tracking_as_json
from lab.web.asked import DeliveryNumber, Limit, OfDelivery, Text, reason_of, time_of
from lab.web.changing import Changeable
from lab.web.lab_here import Here
from mail.address_status import AddressStatus
from mail.inbound import InboundKind
from store import address_search, audit, deliveries, inbound_log, tracked_urls, tracking_search

router = APIRouter(tags=["coming back"])


@router.get("/tracking")
def tracking(
    lab: Here,
    *,
    delivery: OfDelivery = None,
    address: Text = None,
    humans: Annotated[bool, Query(description="Without what machines did.")] = False,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The newest of the tracking log, the oldest of them first."""
    wanted = tracking_search.Filter(delivery, address, None, humans)
    found = lab.read(tracking_search.entries, wanted, limit)
    return {"entries": [tracking_as_json(each) for each in found]}


@router.get("/deliveries/{delivery}/urls")
def urls(lab: Here, delivery: DeliveryNumber) -> dict[str, Any]:
    """The links of a delivery: URL, label, category, mode."""
    lab.read(deliveries.get, delivery)
    found = lab.read(tracked_urls.of, delivery)
    if found is None:
        return {"tracked": False, "urls": []}
    rows = [{**asdict(each), "kind": each.kind.label} for each in found.urls]
    return {"tracked": True, "urls": rows}


@router.get("/bounces")
def bounces(
    lab: Here, delivery: OfDelivery = None, kind: InboundKind | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """Mails that came to return paths, the newest first."""
    found = lab.read(inbound_log.find, inbound_log.Wanted(delivery, kind), limit)
    return {"bounces": [bounce_as_json(each) for each in found]}


@router.get("/audit")
def audited(lab: Here, delivery: OfDelivery = None, limit: Limit = 50) -> dict[str, Any]:
    """What happened to deliveries and to the lab, the newest first."""
    found = lab.read(audit.entries, delivery_id=delivery, limit=limit)
    return {"entries": [audit_as_json(each) for each in found]}


@router.get("/addresses")
def addresses(
    lab: Here,
    status: Annotated[list[AddressStatus] | None, Query()] = None,
    address: Text = None,
    domain: Text = None,
    reason: Text = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Addresses that are known to fail, or to want no mail; how many match, and by status."""
    chosen = address_search.Selection(
        statuses=tuple(status or ()), address=address, domain=domain, reason=reason_of(reason)
    )
    found = lab.read(address_search.find, chosen, limit)
    counts = lab.read(address_search.counts)
    return {
        "addresses": address_search.as_rows(found),
        "matching": lab.read(address_search.count, chosen),
        "counts": {str(each): count for each, count in counts.items()},
    }


class Release(BaseModel):
    """Which addresses become valid again: one, or those of an outage."""

    model_config = {"extra": "forbid"}

    address: str | None = Field(default=None, max_length=320)
    domain: str | None = Field(default=None, max_length=255)
    text: str | None = Field(default=None, max_length=500, description="Of the error; * and ?.")
    since: str | None = None
    until: str | None = None
    because: str = Field(default="", max_length=500)


@router.post("/addresses/release")
def release(lab: Changeable, wanted: Release) -> dict[str, Any]:
    """Make quarantined addresses valid, as `mtalab addresses release`."""
    now = lab.now()
    chosen = address_search.Selection(
        statuses=(AddressStatus.QUARANTINED, AddressStatus.WITH_ERRORS),
        address=wanted.address,
        domain=wanted.domain,
        text=wanted.text,
        since=time_of("since", wanted.since, now),
        until=time_of("until", wanted.until, now),
    )
    released = 0
    while step := lab.write(address_search.release, chosen, now, wanted.because or "by the API"):
        released += step
    return {"released": released}
