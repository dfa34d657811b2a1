"""``/api/v1/changes``: pages are told when to look again."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from lab.web.lab_here import Here

router = APIRouter(tags=["events"])


@router.get("/changes", response_class=EventSourceResponse)
async def changes(lab: Here) -> AsyncIterator[ServerSentEvent]:
    """An event `changed` at once, and whenever there may be something new in the store."""
    async for count in lab.pulse.beats():
        yield ServerSentEvent(raw_data=str(count), event="changed", retry=1000)
