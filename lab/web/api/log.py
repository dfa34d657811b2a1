"""``/api/v1/log``: the delivery log, a line for each message; one message with what happened."""

from typing import Any

from fastapi import APIRouter

from lab.host_facts import host_facts
from lab.shapes.log import as_json
from lab.shapes.why import as_json as why_as_json
from lab.web.asked import MessageNumber, OfLog, Paged, next_of
from lab.web.lab_here import Here
from monitor.why.diagnosis import diagnose
from store import log

router = APIRouter(tags=["log"])


@router.get("/log")
def messages(lab: Here, wanted: OfLog, page: Paged) -> dict[str, Any]:
    """Messages, the newest first."""
    chosen = wanted.filter(lab.now())
    found = lab.read(log.messages, chosen, before_id=page.before, limit=page.limit, newest=True)[
        ::-1
    ]
    last = found[-1].id if found else 0
    return {"messages": [as_json(each) for each in found], "next": next_of(found, page, last)}


@router.get("/log/{message}")
def message(lab: Here, message: MessageNumber) -> dict[str, Any]:
    """One message with its transitions, the oldest first."""
    found, changes = lab.read(log.message, message)
    return {**as_json(found), "transitions": [as_json(each) for each in changes]}


@router.get("/log/{message}/why")
def why(lab: Here, message: MessageNumber) -> dict[str, Any]:
    """Why a message is pending: all gates in their order, as `mtalab why MESSAGE` has them."""
    now = lab.now()
    seen = host_facts(lab.store, now)
    found = diagnose(lab.store, lab.loaded.configuration, now, message=message, seen=seen)
    row, _ = lab.read(log.message, message)
    return why_as_json(found, row, {})


@router.get("/transitions")
def transitions(lab: Here, wanted: OfLog, page: Paged) -> dict[str, Any]:
    """Changes of messages, the newest first."""
    chosen = wanted.filter(lab.now())
    found = lab.read(log.transitions, chosen, before_id=page.before, limit=page.limit, newest=True)[
        ::-1
    ]
    last = found[-1].id if found else 0
    return {"transitions": [as_json(each) for each in found], "next": next_of(found, page, last)}
