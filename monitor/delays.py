"""Where the time of an attempt went, split in four as Postfix does in ``delays=a/b/c/d``.

a  before queue      from the submission until the attempt was due: its contact date, its wave,
                     the waits for retries and the attempts before it
b  in queue          from then until it was taken up
c  connection setup  from the first packet to the last word before MAIL; known where the
                     connection was traced, and part of b otherwise
d  transmission      from MAIL to the answer
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mail.states import MessageEvent
from store.log import Transition

_ATTEMPTS: Final = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)


@dataclass(frozen=True, slots=True)
class Delays:
    """Of one attempt, in seconds; ``setup`` None: not known apart, it is part of ``in_queue``."""

    transition: int  # its number
    attempt: int
    at: float  # of its end
    before_queue: float
    in_queue: float
    setup: float | None
    transmission: float

    @property
    def total(self) -> float:
        """From the submission to the end of the attempt."""
        return self.before_queue + self.in_queue + (self.setup or 0.0) + self.transmission


def delays_of(
    transitions: Sequence[Transition],
    submitted_at: float,
    first_due_at: float,
    setups: Mapping[int, float],
) -> list[Delays]:
    """Those of each attempt of a message.

    Args:
        transitions: all of the message, oldest first.
        submitted_at: when its delivery was submitted.
        first_due_at: when it might go first: the contact date, or when its wave began.
        setups: by number of the transition, how long the connection took that was made for it.
    """
    found: list[Delays] = []
    due = max(submitted_at, first_due_at)
    for each in transitions:
        if each.event in _ATTEMPTS:
            took = (each.duration_ms or 0.0) / 1000
            began = max(submitted_at, each.at - took)
            due = min(due, began)
            waited, setup = began - due, setups.get(each.id)
            setup = None if setup is None else min(setup, waited)
            found.append(
                Delays(
                    each.id,
                    each.attempt,
                    each.at,
                    due - submitted_at,
                    waited - (setup or 0.0),
                    setup,
                    took,
                )
            )
        due = each.at if each.next_attempt_at is None else each.next_attempt_at
    return found
