"""A scenario run from its beginning to its end."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.reading_state import are_readers_done
from lab.scenario.acts import Act
from lab.scenario.expecting import Expecting
from lab.scenario.outcome import Failure, Outcome, Seen
from lab.scenario.perform import Stage, perform
from lab.scenario.read import Case
from lab.scenario.schema import Delivery, Expectation
from lab.scenario.submitting import submitted
from lab.scenario.surroundings import ScenarioLab
from lab.scenario.when import seconds_after
from mail.states import DeliveryStatus
from store import deliveries

LOOK_S: Final = 1.0  # how often it is seen whether all is over; longer and longer
LONGEST_LOOK_S: Final = 3600.0
_LATER: Final = 1.5
SETTLES_S: Final = 1.0  # a lab that is done may still be writing its last words
_OVER: Final = frozenset((DeliveryStatus.FINISHED, DeliveryStatus.CANCELLED, DeliveryStatus.FAILED))

Item = Delivery | Expectation | Act
Told = Callable[[float, str], None]  # seconds after the beginning, what happens


@dataclass
class Run:
    """One run in one lab: as a whole by ``play``, or piece by piece by what ``play`` does."""

    case: Case
    lab: ScenarioLab
    told: Told = lambda _at, _what: None
    failures: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage = Stage(self.lab, self.case.topology, {})
        self._seen = Seen()
        self.expecting = Expecting(self.stage, self._seen)
        self._left: deque[tuple[float, Item]] = deque()

    async def play(self) -> None:
        """Everything in its order, then what is expected at the end."""
        await self.begin()
        await self.finish()

    async def begin(self) -> None:
        """Start the lab, if the scenario does; nothing else has happened then."""
        if not self.case.scenario.begins_stopped:
            await self.lab.up()
        self._left.extend(self._timeline())

    async def advance(self, elapsed_s: float) -> None:
        """Let time pass until so long after the beginning, and all happen that is due by then."""
        while self._left and self._left[0][0] <= elapsed_s:
            await self._next()
        await self.lab.until(elapsed_s)

    async def finish(self) -> None:
        """The rest of it, to its end, and what is expected there."""
        while self._left:
            await self._next()
        await self._end(self.case.scenario.lasts)
        for each in self.case.scenario.expect:
            if each.at == "end":
                self._expect(each)

    @property
    def happens_at(self) -> float:
        """When the next of it happens, in seconds after the beginning; infinity: it is over."""
        return self._left[0][0] if self._left else math.inf

    async def _next(self) -> None:
        at, item = self._left.popleft()
        await self.lab.until(at)
        await self._do(item)

    def _timeline(self) -> list[tuple[float, Item]]:
        """In time; what is at one time in the order deliveries, expectations, events.

        So what is expected at the time of an event is what is so before it.
        """
        scenario, order = self.case.scenario, itertools.count()
        heap: list[tuple[float, int, Item]] = []
        for delivery in scenario.delivery:
            heapq.heappush(heap, (self._seconds(delivery.at), next(order), delivery))
        for expected in scenario.expect:
            if expected.at != "end":
                heapq.heappush(heap, (self._seconds(expected.at), next(order), expected))
        for act in scenario.event:
            heapq.heappush(heap, (self._seconds(act.at), next(order), act))
        return [(at, item) for at, _, item in sorted(heap, key=lambda each: each[:2])]

    def _seconds(self, when: object) -> float:
        assert not isinstance(when, str)
        return seconds_after(self.lab.beginning, when)  # type: ignore[arg-type]

    async def _do(self, item: Item) -> None:
        if isinstance(item, Expectation):
            self._expect(item)
        elif isinstance(item, Delivery):
            number = len(self.stage.deliveries) + 1
            name = item.name or str(number)
            self.told(self.elapsed, f"delivery {name}: {item.messages} messages")
            done = submitted(self.case, item, name, self.lab)
            self.stage.deliveries[name] = done.delivery_id
        else:
            self.told(self.elapsed, _words(item))
            await perform(item, self.stage)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.lab.clock.now() - self.lab.beginning

    def _expect(self, expected: Expectation) -> None:
        self.failures += self.expecting.check(expected)

    async def _end(self, lasts_s: float) -> None:
        """Until nothing is pending, or the time is over."""
        look_s = LOOK_S
        while not self.is_over() and self.elapsed < lasts_s:
            await self.lab.until(min(lasts_s, self.elapsed + look_s))
            look_s = min(look_s * _LATER, LONGEST_LOOK_S)
        await self.lab.until(self.elapsed + self._settles_s())

    def _settles_s(self) -> float:
        """What was read waits in the tracking server's log for up to twice its time."""
        configuration = self.lab.loaded.configuration
        if not configuration.reader or not configuration.tracking.is_on:
            return SETTLES_S
        return SETTLES_S + 2 * configuration.tracking.store_every

    def is_over(self) -> bool:
        """Whether nothing will be sent any more of what was submitted, and all is read."""
        store = self.lab.store
        is_sent = all(
            store.read_now(deliveries.get, each).status in _OVER
            for each in self.stage.deliveries.values()
        )
        return is_sent and are_readers_done(self.lab.loaded)

    def outcome(
        self, *, wall_s: float, seed: int, error: Exception | None, kept: Path | None
    ) -> Outcome:
        """What came of it, whether it came to its end or not."""
        complaints = self.lab.complaints()
        return Outcome(
            name=self.case.name,
            file=str(self.case.file),
            mode=self.lab.mode,
            seed=seed,
            virtual_s=self.elapsed,
            wall_s=wall_s,
            digest=self.lab.digest(),
            causes=dict(self._seen.causes),
            expectations=len(self.case.scenario.expect),
            failures=tuple(self.failures),
            kept=None if kept is None else str(kept),
            error=complaints[0] if complaints else (None if error is None else str(error)),
        )


def _words(act: Act) -> str:
    """An event for people: ``kill worker of mta@m1``."""
    given = act.model_dump(mode="json", exclude={"at", "do"}, exclude_defaults=True, by_alias=True)
    shown = ", ".join(map(_shown, given.values()))
    return f"{act.do.replace('_', ' ')} {shown}".rstrip()


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each}" for key, each in value.items())
    return str(value)
