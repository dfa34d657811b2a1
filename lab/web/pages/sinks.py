"""The receiving servers: how each behaves, what it took and refused, and the change of that."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.web.lab_here import Here
from lab.web.rendering import page
from lab.web.sink_lines import LOOKED_AT, sinks_of
from sinks.catalogue import built_in_personalities, personality_named
from sinks.traits import traits

router = APIRouter()


@router.get("/sinks")
def listed(request: Request, lab: Here) -> HTMLResponse:
    own = lab.loaded.configuration.personality
    known = {name: personality_named(name, own) for name in {**own, **built_in_personalities()}}
    values = {
        "here": "sinks",
        "title": "Sinks",
        "sinks": sinks_of(lab),
        "own": own,
        "personalities": known,
        "traits": {name: traits(each) for name, each in known.items()},
        "looked_at": LOOKED_AT,
    }
    return page(request, lab, "sinks.html", values)
