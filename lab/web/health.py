"""``/livez`` and ``/readyz``, as Mailpit and container platforms have them."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from lab.web.lab_here import Here
from store import log

router = APIRouter(tags=["health"])


@router.get("/livez", response_class=PlainTextResponse)
def livez() -> str:
    """Whether the server answers."""
    return "ok"


@router.get("/readyz", response_class=PlainTextResponse)
def readyz(lab: Here) -> str:
    """Whether the store can be read; a problem with status 503 otherwise."""
    lab.read(log.last_transition_id)
    return "ok"
