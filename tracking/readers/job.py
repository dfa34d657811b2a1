"""One act that is due, and the lines of the ledger that are about it."""

from dataclasses import dataclass, field

from tracking.readers.arrivals import Arrival
from tracking.readers.assigning import Persona
from tracking.readers.browser import Asked
from tracking.readers.ledger import Entry
from tracking.readers.plan import Act


@dataclass(order=True, slots=True)
class Job:
    """An act of one message; by time, and in the order in which they were planned."""

    due: float  # epoch seconds
    order: int
    arrival: Arrival = field(compare=False)
    persona: Persona = field(compare=False)
    act: Act = field(compare=False)
    tries: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        """The act's, wherever and whenever it is planned."""
        return f"{self.arrival.key} {self.act.name}"

    def entry(
        self, at: float, request: int, asked: Asked | None = None, *, is_last: bool = True
    ) -> Entry:
        """A line about one of its requests, before it is known what came of it."""
        arrival, act = self.arrival, self.act
        return Entry(
            key=f"{self.key} {request}",
            at=at,
            answered_at=None,
            act=act.what,
            who=act.who,
            is_machine=act.what.is_machine,
            persona=self.persona.name,
            recipient=arrival.recipient,
            delivery_id=arrival.delivery_id,
            message_id=arrival.message_id,
            receipt=arrival.receipt,
            request=request,
            is_last=is_last,
            method="" if asked is None else asked.method,
            url="" if asked is None else asked.url,
        )
