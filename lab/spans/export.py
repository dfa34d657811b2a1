"""Going through the log and telling a collector of what it says, page by page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lab.spans.otlp import encoded
from lab.spans.span import Numbering, Span
from lab.spans.steps import Steps
from lab.spans.way import spans_of
from store import journeys
from store.engine import Store
from store.journeys import Journey

PAGE: Final = 500  # messages, or transitions of the log
_SPANS_MAX: Final = 2000  # of one request: well below the 4 MB that collectors take

Send = Callable[[bytes], int]  # what posts a body, and says how many spans were refused


@dataclass(slots=True)
class Exported:
    """What was sent; ``last`` is the number of the last transition that is told with it."""

    messages: int = 0
    spans: int = 0
    refused: int = 0
    last: int = 0


class Export:
    """Tells of messages; ``done`` has what it told so far."""

    def __init__(self, store: Store, lab: str, steps: Steps, send: Send) -> None:
        self._store, self._lab, self._steps, self._send = store, lab, steps, send
        self._numbering = Numbering(lab)
        self.done = Exported()

    def log(self, after_id: int, up_to_id: int) -> None:
        """All that the log says between two of its numbers, the second one included.

        Raises:
            TracesNotTaken: the collector did not take it; ``done.last`` is where to go on.
        """
        self.done.last = after_id
        while page := self._store.read_now(journeys.after, self.done.last, up_to_id, PAGE):
            last = page[-1][0]
            found = self._journeys([message_id for _, message_id in page])
            self._tell(found, self.done.last, last)
            self.done.last = last

    def message(self, message_id: int) -> None:
        """One message, as far as it has come. Raises TracesNotTaken."""
        self._tell(self._journeys([message_id]), 0, None)

    def delivery(self, delivery_id: int) -> None:
        """All messages of one delivery, as far as they have come. Raises TracesNotTaken."""
        last = 0
        while page := self._store.read_now(journeys.of_delivery, delivery_id, last, PAGE):
            self._tell(self._journeys(page), 0, None)
            last = page[-1]

    def _journeys(self, message_ids: Sequence[int]) -> list[Journey]:
        return self._store.read_now(journeys.journeys, message_ids)

    def _tell(self, found: Sequence[Journey], after_id: int, up_to_id: int | None) -> None:
        spans: list[Span] = []
        for each in found:
            told = _until(each, up_to_id)
            steps = self._steps.get(each.message_id, ())
            spans += spans_of(told, self._numbering, steps, after_id)
        for some in _pieces(spans):
            self.done.refused += self._send(encoded(some, self._lab))
            self.done.spans += len(some)
        self.done.messages += len(found)
        if up_to_id is None:
            numbers = [change.id for each in found for change in each.transitions]
            self.done.last = max([self.done.last, *numbers])


def _until(journey: Journey, up_to_id: int | None) -> Journey:
    """The journey as far as the log is read: what comes later is told with its own page."""
    if up_to_id is None:
        return journey
    return replace(
        journey, transitions=[each for each in journey.transitions if each.id <= up_to_id]
    )


def _pieces(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    for start in range(0, len(spans), _SPANS_MAX):
        yield spans[start : start + _SPANS_MAX]
