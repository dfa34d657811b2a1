"""``/api/v1/events`` and ``/api/v1/changes``: what happens as it happens, by Server-Sent Events."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Final, NamedTuple

import orjson
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from lab.happenings import Batch, Happenings, Place, Told, place_of
from lab.shapes import audit as audit_shape
from lab.shapes import log as log_shape
from lab.web.asked import OfDelivery
from lab.web.lab_here import Here, LabHere
from mail.states import MessageStatus
from store import deliveries, log
from store.errors import StoreUnavailable

AGAIN_MS: Final = 1000  # after which a client whose connection ended comes again
_MOMENT_S: Final = 0.05  # until those have committed who are about to

router = APIRouter(tags=["events"])


@router.get("/changes", response_class=EventSourceResponse)
async def changes(lab: Here) -> AsyncIterator[ServerSentEvent]:
    """An event `changed` at once, and whenever there may be something new in the store."""
    async for count in lab.pulse.beats():
        yield ServerSentEvent(raw_data=str(count), event="changed", retry=AGAIN_MS)


class _Wanted(NamedTuple):
    happenings: Happenings
    after: Place | None


_AFTER = Query(
    max_length=40, description="The `id` of an event: go on after it. 0-0: from the first."
)
_LAST = Header(max_length=40, description="As `after`, and before it: what browsers send.")


def _wanted(
    lab: Here,
    delivery: OfDelivery = None,
    status: Annotated[
        MessageStatus | None, Query(description="Transitions to this status alone.")
    ] = None,
    after: Annotated[str | None, _AFTER] = None,
    last_event_id: Annotated[str | None, _LAST] = None,
) -> _Wanted:
    if delivery is not None:
        lab.read(deliveries.get, delivery)  # an unknown one is refused
    given = last_event_id or after
    place = None if given is None else place_of(given)
    return _Wanted(Happenings(log.Filter(delivery_id=delivery, status=status)), place)


def _seat(lab: Here) -> Iterator[None]:
    with lab.listeners.seat():
        yield


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_seat)])
async def events(
    lab: Here, wanted: Annotated[_Wanted, Depends(_wanted)]
) -> AsyncIterator[ServerSentEvent]:
    """Each `transition` of a message and each entry of the `audit`, from now on or after a place.

    The `id` of an event is the place after it. Events without data only move it on.
    """
    happenings = wanted.happenings
    place = wanted.after or await _now(lab, happenings)
    yield ServerSentEvent(id=str(place), comment="from here on", retry=AGAIN_MS)
    told_of: int | None = None
    async for count in lab.pulse.beats():
        if count == told_of:
            yield ServerSentEvent(id=str(place), comment="still here")
        told_of = count
        while (batch := await _next(lab, happenings, place)) is not None:
            for each in batch.told:
                yield _event(each)
            place = batch.until
            if not batch.has_more:
                break


async def _now(lab: LabHere, happenings: Happenings) -> Place:
    while (place := await lab.store.read_apart(happenings.begin)) is None:
        await lab.clock.doze(_MOMENT_S)
    return place


async def _next(lab: LabHere, happenings: Happenings, place: Place) -> Batch | None:
    """None: the store is away; whoever waits is told more when it is back."""
    try:
        return await lab.store.read_apart(happenings.next, place)
    except StoreUnavailable:
        return None


def _event(each: Told) -> ServerSentEvent:
    if isinstance(each.what, log.Transition):
        kind, data = "transition", log_shape.as_json(each.what)
    else:
        kind, data = "audit", audit_shape.as_json(each.what)
    return ServerSentEvent(raw_data=orjson.dumps(data).decode(), event=kind, id=str(each.place))
