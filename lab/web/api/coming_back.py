"""What came back: the tracking log, links of a delivery, mails to return paths, addresses."""

from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lab.shapes.audit import as_json as audit_as_json
from lab.shapes.bounce import as_json as bounce_as_json
from lab.shapes.tracking import as_json as tracking_as_json
from lab.web.asked import BadQuestion, DeliveryNumber, Limit, OfDelivery, Text, reason_of, time_of
from lab.web.changing import Changeable
from lab.web.lab_here import Here, LabHere
from mail.address import BadAddress, canonical_domain, parse_address
from mail.address_status import AddressStatus
from mail.errors import Where
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
    """The newest of the tracking log, the oldest of them first.

    Of an address: what its newest 500 messages led to.
    """
    wanted = tracking_search.Filter(delivery, None, None, humans)
    if address is not None:
        wanted = replace(wanted, message_ids=_messages_of(lab, address))
    found = lab.read(tracking_search.entries, wanted, limit)
    return {"entries": [tracking_as_json(each) for each in found]}


def _messages_of(lab: LabHere, text: str) -> list[int]:
    """Their numbers; none of what is no address."""
    try:
        address = parse_address(text)
    except BadAddress:
        return []
    return [each.id for each in lab.of_addresses.messages(address)]


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
    status: AddressStatus | None = Field(
        default=None, description="Without it: not what was decided by hand."
    )
    domain: str | None = Field(default=None, max_length=255)
    reason: str | None = Field(default=None, max_length=100, description="Such as mailbox_full.")
    text: str | None = Field(default=None, max_length=500, description="Of the error; * and ?.")
    piece: str | None = Field(default=None, max_length=320, description="Of the addresses.")
    since: str | None = Field(default=None, max_length=100)
    until: str | None = Field(default=None, max_length=100)
    because: str = Field(default="", max_length=500)
    dry_run: bool = Field(default=False, description="Count only.")

    def selection(self, now: float) -> address_search.Selection:
        """Raises BadQuestion, BadAddress."""
        chosen = address_search.Selection(
            statuses=() if self.status is None else (self.status,),
            address=None if self.address is None else str(parse_address(self.address)),
            domain=None if self.domain is None else canonical_domain(self.domain),
            reason=reason_of(self.reason),
            text=self.text,
            since=time_of("since", self.since, now),
            until=time_of("until", self.until, now),
            piece=self.piece,
        )
        if chosen == address_search.Selection(chosen.statuses):
            raise BadQuestion(
                "which addresses are to be released?",
                remedy="Name one, or choose by domain, reason, text, since or until.",
            )
        found = chosen.for_release()
        if not found.statuses:
            raise BadQuestion(
                "what is valid needs no release",
                where=Where(key="status"),
                remedy="Name another status, or none.",
            )
        return found


@router.post("/addresses/release")
def release(lab: Changeable, wanted: Release) -> dict[str, Any]:
    """Make addresses valid, one or all that match, as `mtalab addresses release`."""
    now = lab.now()
    chosen = wanted.selection(now)
    if wanted.dry_run:
        matching = lab.read(address_search.count, chosen)
        return {"released": 0, "matching": matching, "dry_run": True}
    released, because = 0, " ".join(wanted.because.split()) or "released by the API"
    while step := lab.write(address_search.release, chosen, now, because):
        released += step
    if released:
        lab.write(audit.note, now, f"{released} addresses were made valid: {because}")
    return {"released": released, "matching": released, "dry_run": False}
