"""One message: its way so far, where the time went, what was said, and why it waits."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.compose import traces_of
from lab.host_facts import host_facts
from lab.web.asked import MessageNumber
from lab.web.lab_here import Here, LabHere
from lab.web.rendering import page
from lab.web.sent_mail import receipt_of
from mail.reason import FailureType
from mail.states import MessageEvent, MessageStatus
from monitor.delays import Delays, delays_of
from monitor.why.diagnosis import Diagnosis, diagnose
from mta.trace.dialogues import Dialogue
from mta.trace.of_message import dialogues_of, setup_of
from store import (
    addresses,
    beside,
    contents,
    deliveries,
    inbound_log,
    log,
    traces,
    tracking_search,
    waves,
)

router = APIRouter()

MOST = 200  # entries and mails of one message that are shown

EVENTS = {
    MessageEvent.ACCEPTED: "the receiver accepted it",
    MessageEvent.DEFERRED: "put off: it is tried again",
    MessageEvent.REFUSED: "refused for good",
    MessageEvent.EXCLUDED: "left out when the delivery was analysed",
    MessageEvent.WITHDRAWN: "cancelled by an operator",
    MessageEvent.EXPIRED_UNTRIED: "its validity ended before it was tried",
    MessageEvent.EXPIRED_TRIED: "its validity ended while it was retried",
    MessageEvent.BOUNCED_LATER: "it came back after it was accepted",
    MessageEvent.RETRIED_BY_HAND: "put back into the queue by an operator",
}
FAILURES = {
    FailureType.HARD: "hard: the address is bad, and quarantined",
    FailureType.SOFT: "soft: temporary, counted against the address",
    FailureType.IGNORED: "ignored: not counted against the address",
    FailureType.UNDEFINED: "undefined: no rule knows the text, treated as soft",
}


@router.get("/messages/{message}")
def one(request: Request, lab: Here, message: MessageNumber) -> HTMLResponse:
    found, changes = lab.read(log.message, message)
    delivery = lab.read(deliveries.get, found.delivery_id)
    said = dialogues_of(traces_of(lab.loaded), message)
    wave = lab.read(waves.wave_of, message)
    due = delivery.contact_at if wave is None else wave.started_at or wave.starts_at
    delays = delays_of(changes, delivery.submitted_at, due, _setups(changes, said))
    known = lab.read(addresses.known, found.address)
    return page(
        request,
        lab,
        "message.html",
        {
            "here": "deliveries",
            "title": f"Message {message}",
            "message": found,
            "delivery": delivery,
            "wave": wave,
            "changes": changes,
            "delays": {each.transition: each for each in delays},
            "last": _told(delays[-1]) if delays else None,
            "dialogues": said,
            "is_traced": _is_traced(lab, found),
            "tracking": lab.read(
                tracking_search.entries, tracking_search.Filter(message_id=message), MOST
            ),
            "bounces": lab.read(inbound_log.find, inbound_log.Wanted(message_id=message), MOST),
            "why": _why(lab, found),
            "beside": lab.read(beside.beside, delivery.id, message),
            "receipt": receipt_of(lab, changes),
            "known": known,
            "events": EVENTS,
            "failures": FAILURES,
        },
    )
