"""Addresses that are known to fail, or to want no mail; and one address with all of its mail."""

from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from lab.web.asked import BadQuestion, reason_of, time_of
from lab.web.lab_here import Here, LabHere
from lab.web.of_address import MOST
from lab.web.rendering import page
from mail.address import Address, BadAddress, parse_address
from mail.address_status import AddressStatus
from mail.reason import Reason
from store import address_history, address_search, addresses, inbound_log, log, tracking_search
from store.address_search import RELEASABLE, Selection

router = APIRouter()

PAGE: Final = 100
ENTRIES: Final = 200
TABS: Final = (
    ("log", "Delivery log"),
    ("tracking", "Tracking"),
    ("bounces", "What came back"),
    ("errors", "Errors"),
)
STATUSES: Final = {
    AddressStatus.WITH_ERRORS: "sent to; its errors are counted",
    AddressStatus.VALID: "released by hand; its errors count anew",
    AddressStatus.QUARANTINED: "not sent to: it failed for good, or too often",
    AddressStatus.DENYLISTED: "never sent to: its owner wants no mail",
    AddressStatus.ALLOWLISTED: "sent to whatever happens; its errors are ignored",
}


class Asked(NamedTuple):
    """The filter as it stands in the form; empty: does not matter."""

    q: str = ""
    status: str = ""
    domain: str = ""
    reason: str = ""
    text: str = ""
    since: str = ""
    until: str = ""

    def selection(self, now: float) -> Selection:
        """Raises BadQuestion."""
        return Selection(
            statuses=(AddressStatus(self.status),) if self.status in set(AddressStatus) else (),
            piece=self.q or None,
            domain=self.domain.lower() or None,
            reason=reason_of(self.reason or None),
            text=self.text or None,
            since=time_of("since", self.since or None, now),
            until=time_of("until", self.until or None, now),
        )

    def with_(self, **values: str) -> str:
        """The page's address with this filter, and other values in it."""
        kept = {name: each for name, each in {**self._asdict(), **values}.items() if each}
        return "/recipients" + (f"?{urlencode(kept)}" if kept else "")


Field = Annotated[str, Query(max_length=500)]


@router.get("/recipients")
def listed(  # noqa: PLR0913 - the fields of the form
    request: Request,
    lab: Here,
    *,
    q: Field = "",
    status: Field = "",
    domain: Field = "",
    reason: Field = "",
    text: Field = "",
    since: Field = "",
    until: Field = "",
    after: Field = "",
) -> Response:
    asked = Asked(*(each.strip() for each in (q, status, domain, reason, text, since, until)))
    address = _parsed(asked.q)
    if address is not None:
        return RedirectResponse(f"/recipients/{quote(str(address))}", HTTPStatus.SEE_OTHER)
    values: dict[str, Any] = {"refused": "", "found": [], "matching": 0, "more": ""}
    try:
        values |= _found(lab, asked, after)
    except BadQuestion as error:
        values["refused"] = f"{error.what}. {error.remedy}"
    return page(
        request,
        lab,
        "recipients.html",
        {
            "here": "recipients",
            "title": "Recipients",
            "asked": asked,
            "counts": lab.read(address_search.counts),
            "statuses": STATUSES,
            "reasons": sorted(each.label for each in Reason),
            **values,
        },
    )


def _found(lab: LabHere, asked: Asked, after: str) -> dict[str, Any]:
    chosen = asked.selection(lab.now())
    last = lab.read(addresses.known, after) if after else None
    found = lab.read(address_search.find, chosen, PAGE, last)
    return {
        "found": found,
        "matching": lab.read(address_search.count, chosen),
        "releasable": lab.read(address_search.count, chosen.for_release()),
        "is_narrowed": chosen != Selection(chosen.statuses),
        "more": asked.with_(after=found[-1].address) if len(found) == PAGE else "",
    }


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text) if "@" in text else None
    except BadAddress:
        return None


@router.get("/recipients/{address:path}")
def one(request: Request, lab: Here, address: str, show: Field = "log") -> Response:
    parsed = _parsed(address)
    if parsed is None:
        return RedirectResponse(f"/recipients?{urlencode({'q': address})}", HTTPStatus.SEE_OTHER)
    mail = lab.of_addresses.messages(parsed)
    known = lab.read(addresses.known, str(parsed))
    show = show if show in dict(TABS) else "log"
    is_there = bool(mail) or known is not None
    return page(
        request,
        lab,
        "recipient.html",
        {
            "here": "recipients",
            "title": str(parsed),
            "address": str(parsed),
            "known": known,
            "words": None if known is None else STATUSES[known.status],
            "can_be_released": known is not None and known.status in RELEASABLE,
            "mail": mail,
            "most": MOST,
            "tabs": TABS,
            "show": show,
            "statuses": sorted({each.status for each in mail}),
            **_of_tab(lab, show, mail),
        },
        HTTPStatus.OK if is_there else HTTPStatus.NOT_FOUND,
    )


def _of_tab(lab: LabHere, show: str, mail: list[log.Message]) -> dict[str, Any]:
    numbers, of = [each.id for each in mail], {each.delivery_id for each in mail}
    if show == "tracking":
        wanted = tracking_search.Filter(message_ids=numbers)
        return {"tracking": lab.read(tracking_search.entries, wanted, ENTRIES)[::-1]}
    if show == "bounces":
        about = inbound_log.Wanted(message_ids=numbers, delivery_ids=of)
        return {"bounces": lab.read(inbound_log.find, about, ENTRIES)}
    if show == "errors":
        return {"errors": lab.read(address_history.errors_of, numbers, ENTRIES)}
    return {}
