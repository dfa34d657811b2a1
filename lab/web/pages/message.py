"""One message: its way so far, where the time went, what was said, and why it waits."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.compose import traces_of
from lab.host_facts import host_facts
from lab.web import evidence
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
    deliveries,
    inbound_log,
    log,
    traces,
    tracking_search,
    waves,
)

router = APIRouter()

MOST: Final = 200  # entries and mails of one message that are shown

EVENTS: Final = {
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
FAILURES: Final = {
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
    shares = _shares(delays[-1]) if delays else []
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
            "last": delays[-1] if delays else None,
            "shares": shares,
            "bar": [(each.key, each.of) for each in shares],
            "bar_words": ", ".join(f"{each.of:.0%} {each.label}" for each in shares),
            "dialogues": said,
            "is_traced": _is_traced(lab, found),
            "tracking": lab.read(
                tracking_search.entries, tracking_search.Filter(message_ids=(message,)), MOST
            ),
            "bounces": lab.read(inbound_log.find, _mails_about(found), MOST),
            "why": _why(lab, found),
            "beside": lab.read(beside.beside, delivery.id, message),
            "receipt": receipt_of(lab, changes),
            "known": lab.read(addresses.known, found.address),
            "evidence": evidence.said,
            "events": EVENTS,
            "failures": FAILURES,
        },
    )


class Share(NamedTuple):
    """A part of the time from submission to answer; ``of`` it, of 1."""

    key: str
    label: str
    words: str
    seconds: float | None  # None: not known apart
    of: float


def _shares(found: Delays) -> list[Share]:
    parts = (
        ("before", "before queue", "until it was due", found.before_queue),
        ("queue", "in queue", "until it was taken up", found.in_queue),
        ("setup", "connection setup", "until MAIL could be said", found.setup),
        ("transmission", "transmission", "from MAIL to the answer", found.transmission),
    )
    whole = found.total or 1.0
    return [Share(*each, (each[3] or 0.0) / whole) for each in parts]


def _setups(changes: Sequence[log.Transition], said: Sequence[Dialogue]) -> dict[int, float]:
    """How long connections took that were made for an attempt, by its transition."""
    found: dict[int, float] = {}
    for each in changes:
        for dialogue in said:
            if _is_on(dialogue, each):
                setup = setup_of(dialogue)
                found[each.id] = 0.0 if setup is None else setup
    return found


def _is_on(dialogue: Dialogue, change: log.Transition) -> bool:
    """Whether the attempt that a transition ended was made on this connection."""
    ends = dialogue.ends
    own = [each.at for each in dialogue.lines if each.subject is not None]
    is_its_worker = ends.worker == f"{change.mta}-{change.worker_id}"
    took = (change.duration_ms or 0.0) / 1000
    begins, is_over = change.at - took - 1.0, change.at + 1.0
    return is_its_worker and bool(own) and begins <= ends.began + own[0] <= is_over


def _mails_about(found: log.Message) -> inbound_log.Wanted:
    return inbound_log.Wanted(delivery_ids=(found.delivery_id,), message_ids=(found.id,))


def _is_traced(lab: LabHere, found: log.Message) -> bool:
    """Whether what is said about a message would be recorded now."""
    return any(
        each.kind is traces.TraceKind.ALL
        or (each.kind is traces.TraceKind.DELIVERY and each.value == str(found.delivery_id))
        or (each.kind is traces.TraceKind.DOMAIN and fnmatchcase(found.domain, each.value))
        for each in lab.read(traces.traces, lab.now())
    )


def _why(lab: LabHere, found: log.Message) -> Diagnosis | None:
    if found.status is not MessageStatus.PENDING:
        return None
    now = lab.now()
    return diagnose(
        lab.store,
        lab.loaded.configuration,
        now,
        message=found.id,
        seen=host_facts(lab.store, now),
    )
