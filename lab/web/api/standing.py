"""How the lab stands: what runs, what waits and why, lanes, instances, what lint proves."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from lab.findings import lint_of
from lab.host_facts import host_facts
from lab.instance_lines import lines
from lab.shapes import lane as lane_shape
from lab.shapes import queue as queue_shape
from lab.shapes import status as status_shape
from lab.shapes import why as why_shape
from lab.web.asked import BadQuestion, OfDelivery, time_of
from lab.web.lab_here import Here
from lab.web.past_queues import steady
from mail.errors import Where
from monitor.lanes import lane_lines
from monitor.queue import By, queue_now
from monitor.status import status
from monitor.why.diagnosis import diagnose

router = APIRouter(tags=["standing"])


@router.get("/status")
def standing(lab: Here) -> dict[str, Any]:
    """Modules, deliveries and queues, as `mtalab status`."""
    expected = status_shape.expected(lab.loaded)
    return status_shape.as_json(status(lab.store, lab.loaded.configuration, lab.now(), expected))


@router.get("/why")
def why(lab: Here, delivery: OfDelivery = None) -> dict[str, Any]:
    """Why messages are pending, in groups, as `mtalab why`."""
    now = lab.now()
    seen = host_facts(lab.store, now)
    found = diagnose(lab.store, lab.loaded.configuration, now, delivery=delivery, seen=seen)
    return why_shape.as_json(found, None, {})


@router.get("/queue")
def queue(
    lab: Here,
    by: By | None = None,
    as_of: Annotated[str | None, Query(description="A time, or 2h for two hours ago.")] = None,
) -> dict[str, Any]:
    """How long pending messages wait; with `as_of`, how it was then."""
    now = lab.now()
    at = time_of("as_of", as_of, now)
    if at is None or as_of is None:
        return queue_shape.as_json(queue_now(lab.store, lab.loaded.configuration, now, by), by)
    if at > now:
        raise BadQuestion(
            f"{as_of!r} lies ahead", where=Where(key="as_of"), remedy="Give a time that is over."
        )
    return queue_shape.as_json(lab.past_queues.at(steady(as_of, at, now), by, now), by)


@router.get("/lanes")
def lanes(lab: Here) -> dict[str, Any]:
    """Lanes: limits, who works on them, suspensions."""
    found = lane_lines(lab.store, lab.loaded.configuration, lab.now())
    return {"lanes": [lane_shape.as_json(each) for each in found]}


@router.get("/instances")
def instances(lab: Here) -> dict[str, Any]:
    """MTA instances: state, workers, affinities, messages in hand."""
    return {"instances": [asdict(each) for each in lines(lab.store, lab.loaded, lab.now())]}


@router.get("/lint")
def lint(lab: Here) -> dict[str, Any]:
    """What cannot be sent, is never used or never reached, from the configuration alone."""
    found = lint_of(lab.loaded)
    return {
        "ok": all(each.severity != "error" for each in found),
        "file": lab.loaded.path.name,
        "findings": [each.as_json() for each in found],
    }
