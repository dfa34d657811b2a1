"""``/api/v1/deliveries/…`` and ``/log/…``: what is done to deliveries, waves and messages."""

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from lab.acting import messages
from lab.shapes.wave import as_json as wave_as_json
from lab.web.asked import BIGGEST, DeliveryNumber, Limit, MessageNumber, reason_of, seconds_of
from lab.web.changing import Changeable
from lab.web.lab_here import Here, LabHere
from mail.states import DeliveryEvent
from store import deliveries, log, operator, part_lines, waves

router = APIRouter(tags=["acting"])
BY: Final = "the page or API"  # in the audit and in transitions

WaveNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the wave, from 1.")]


class Steered(BaseModel):
    """What a delivery is now; the counts are those of messages, where only some were meant."""

    delivery: int
    status: str
    cancelled: int | None = None
    in_hand: int | None = None


class Retried(BaseModel):
    """How many messages are pending again."""

    retried: int


class Cancelled(BaseModel):
    """How many messages were cancelled, and how many are in workers' hands and were left."""

    cancelled: int
    in_hand: int


class Wave(BaseModel):
    """A wave of a delivery; times in epoch seconds."""

    delivery: int
    wave: int
    messages: int
    starts_at: float
    started_at: float | None


class Waves(BaseModel):
    """All waves of a delivery; none: it goes in one."""

    waves: list[Wave]


class Some(BaseModel):
    """Which messages of a delivery are meant; without either, all of them."""

    model_config = {"extra": "forbid"}

    domain: str | None = Field(
        default=None, min_length=1, max_length=255, description="Recipient domain, with * and ?."
    )
    reason: str | None = Field(default=None, max_length=100, examples=["mailbox_full"])


class Validity(BaseModel):
    """How long what is retried may take."""

    model_config = {"extra": "forbid"}

    validity: str | None = Field(
        default=None, max_length=50, examples=["2h"], description="Default: as configured."
    )

    def seconds(self, lab: LabHere) -> float:
        if self.validity is None:
            return lab.loaded.configuration.validity
        return seconds_of("validity", self.validity)


class Again(Some, Validity):
    """Which messages of a delivery are retried, and for how long."""


def _steered(lab: LabHere, delivery: int, event: DeliveryEvent) -> Steered:
    status = lab.write(operator.steer, delivery, event, lab.now(), BY)
    return Steered(delivery=delivery, status=status)


@router.post("/deliveries/{delivery}/confirm", response_model_exclude_unset=True)
def confirm(lab: Changeable, delivery: DeliveryNumber) -> Steered:
    """Start a delivery that was submitted to be held, at its contact date or at once."""
    return _steered(lab, delivery, DeliveryEvent.CONFIRMED)


@router.post("/deliveries/{delivery}/pause", response_model_exclude_unset=True)
def pause(lab: Changeable, delivery: DeliveryNumber) -> Steered:
    """Stop sending a delivery; what is in flight ends, the rest waits for `resume`."""
    return _steered(lab, delivery, DeliveryEvent.PAUSED)


@router.post("/deliveries/{delivery}/resume", response_model_exclude_unset=True)
def resume(lab: Changeable, delivery: DeliveryNumber) -> Steered:
    """Go on with a paused delivery."""
    return _steered(lab, delivery, DeliveryEvent.RESUMED)


@router.post("/deliveries/{delivery}/cancel", response_model_exclude_unset=True)
def cancel(lab: Changeable, delivery: DeliveryNumber, wanted: Some | None = None) -> Steered:
    """Cancel a delivery for good, or only its pending messages that a filter names."""
    if wanted is None or wanted == Some():
        return _steered(lab, delivery, DeliveryEvent.CANCELLED)
    done = messages.cancel(lab.store, lab.clock, _chosen(lab, delivery, wanted), BY)
    status = lab.read(deliveries.get, delivery).status
    return Steered(delivery=delivery, status=status, cancelled=done.messages, in_hand=done.in_hand)


@router.post("/deliveries/{delivery}/retry")
def retry(lab: Changeable, delivery: DeliveryNumber, wanted: Again | None = None) -> Retried:
    """Make failed messages of a delivery pending again, due at once."""
    again = wanted or Again()
    chosen = _chosen(lab, delivery, again)
    return Retried(retried=messages.retry(lab.store, lab.clock, chosen, again.seconds(lab), BY))


def _chosen(lab: LabHere, delivery: int, wanted: Some) -> log.Filter:
    lab.read(deliveries.get, delivery)  # an unknown one is refused
    return log.Filter(delivery_id=delivery, domain=wanted.domain, reason=reason_of(wanted.reason))


@router.get("/deliveries/{delivery}/waves", response_model=Waves)
def waves_of(lab: Here, delivery: DeliveryNumber) -> dict[str, Any]:
    """The waves of a delivery: their messages, and when each begins or began."""
    return {"waves": [wave_as_json(each) for each in lab.read(waves.of, delivery)]}


@router.post("/deliveries/{delivery}/waves/{number}/start", response_model=Wave)
def start_wave(lab: Changeable, delivery: DeliveryNumber, number: WaveNumber) -> dict[str, Any]:
    """Start a wave before its time; the others keep theirs."""
    return wave_as_json(lab.write(waves.begin, delivery, number, BY, lab.now()))


@router.get("/deliveries/{delivery}/parts")
def parts_of(
    lab: Here,
    delivery: DeliveryNumber,
    limit: Limit = 50,
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the answer before.")] = 0,
) -> dict[str, Any]:
    """The parts of a delivery that wait or are in workers' hands, in their order."""
    found = lab.read(part_lines.of, delivery, limit, cursor)
    following = found[-1].part if len(found) == limit else None
    return {"parts": [asdict(each) for each in found], "next": following}


@router.post("/log/{message}/retry")
def retry_one(lab: Changeable, message: MessageNumber, wanted: Validity | None = None) -> Retried:
    """Make one failed message pending again."""
    lab.read(log.message, message)  # an unknown one is refused
    validity_s = (wanted or Validity()).seconds(lab)
    chosen = log.Filter(message_id=message)
    return Retried(retried=messages.retry(lab.store, lab.clock, chosen, validity_s, BY))


@router.post("/log/{message}/cancel")
def cancel_one(lab: Changeable, message: MessageNumber) -> Cancelled:
    """Cancel one pending message, unless a worker has it in hand."""
    lab.read(log.message, message)
    done = messages.cancel(lab.store, lab.clock, log.Filter(message_id=message), BY)
    return Cancelled(cancelled=done.messages, in_hand=done.in_hand)
