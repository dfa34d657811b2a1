"""How the queue stood at times that are over: what was found is kept, since it does not change.

To find it takes up to 1.5 seconds where a million messages were under way.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from mail.notation import duration_s
from monitor.queue import EVERYTHING, By, Queue, queue_then
from store.engine import Store
from world.clock import Clock

_MOST: Final = 64
_FRESH_S: Final = 300.0  # an outcome may be recorded some time after it happened
_SETTLED_S: Final = 60.0  # what is younger is asked anew
_STEP_S: Final = 10.0  # where a time is told from now, so many seconds have one answer


def steady(text: str, at: float, now: float) -> float:
    """The time that ``text`` told, as of which there may be an answer already.

    One that is told as ``10m`` moves on with each question: it is taken in steps, a little earlier.
    """
    try:
        duration_s(text.removesuffix("ago").strip())
    except ValueError:
        return at
    return at if now - at < _SETTLED_S else at - at % _STEP_S


_Question = tuple[float, By | None, tuple[tuple[str, str], ...]]


class PastQueues:
    """Those that were asked for last."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._known: OrderedDict[_Question, tuple[float, Queue]] = OrderedDict()
        self._lock = threading.Lock()

    def at(
        self, at: float, by: By | None, now: float, only: Mapping[str, str] = EVERYTHING
    ) -> Queue:
        """The queue at a time that is over by ``now``, both in epoch seconds of the lab."""
        if now - at < _SETTLED_S:
            return queue_then(self._store, at, by, only)
        question = at, by, tuple(sorted(only.items()))
        with self._lock:  # a slider asks for many times at once: one after another
            known = self._known.pop(question, None)
            since = self._clock.monotonic()
            if known is None or since - known[0] > _FRESH_S:
                known = since, queue_then(self._store, at, by, only)
            self._known[question] = known
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
            return known[1]
