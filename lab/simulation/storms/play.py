"""One storm from its beginning until everything is over, every invariant looked at on the way."""

import contextlib
import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli_w

from affinity.slots import SLOT_S
from lab.simulation.faults import FAULTS, ClockSkew, fault
from lab.simulation.invariants.ends import settled_within_s
from lab.simulation.invariants.watch import Watch
from lab.simulation.loop import CallbackFailed, Standstill
from lab.simulation.simulation import Simulation, simulated
from lab.simulation.storms.acts import Operators
from lab.simulation.storms.storm import HEALED_AFTER_S, Event, Mail, Storm
from mail.states import MessageStatus

_TRIED_WITHIN_S: Final = 40.0 + SLOT_S  # a lane's slot may be used up
_AFTERWARDS_S: Final = 20.0  # whoever was killed last is started again after five seconds


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a storm that every invariant survived."""

    digest: str
    virtual_s: float
    steps: int  # commits looked at
    messages: int
    sent: int


class _Agenda:
    """What is to be done, by time."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def add(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._entries, (at, next(self._order), do))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def pop(self) -> tuple[float, Callable[[], None]]:
        at, _, do = heapq.heappop(self._entries)
        return at, do


class Play:
    """The experimenter of one storm."""

    def __init__(self, sim: Simulation, storm: Storm) -> None:
        self._sim, self._storm = sim, storm
        self.watch = Watch(sim)
        self._operators = Operators(sim, storm.lab)
        self._agenda = _Agenda()
        self._last_validity = 0.0

    async def run(self) -> None:
        """All of it; raises Violation."""
        sim, agenda = self._sim, self._agenda
        sim.start()
        for mail in self._storm.mail:
            agenda.add(mail.at, lambda mail=mail: self.submit(mail))  # type: ignore[misc]
        for event in self._storm.events:
            agenda.add(event.at, lambda event=event: self._begin(event))  # type: ignore[misc]
        while agenda:
            at, do = agenda.pop()
            await sim.until(at)
            do()
        await sim.until(HEALED_AFTER_S)
        last = [self._operators.submit(each) for each in self._last_mail()]
        # A retry that an operator asks for makes validities longer.
        late = settled_within_s(sim.machines.loaded.configuration)
        ends = [each.expires_at - sim.epoch for each in self.watch.scene.observer.deliveries()]
        healed_at = max(HEALED_AFTER_S, *ends)
        await sim.until(healed_at + late)
        self.watch.ends.nothing_is_late(HEALED_AFTER_S)
        self.watch.ends.all_were_tried(last)
        await sim.until(healed_at + late + _AFTERWARDS_S)
        self.watch.finish()

    def _last_mail(self) -> Iterator[Mail]:
        """When all is well again, mail goes out again: a message each way."""
        for domain in ("one.test", "two.test"):
            yield Mail(HEALED_AFTER_S, {domain: 1}, validity_s=_TRIED_WITHIN_S)

    def submit(self, mail: Mail) -> None:
        """Submit a delivery now."""
        self._operators.submit(mail)

    def _begin(self, event: Event) -> None:
        until = min(event.at + event.for_s, HEALED_AFTER_S)
        if event.do in FAULTS:
            found = fault(event.do, event.fields)
            if isinstance(found, ClockSkew):
                scene = self.watch.scene
                scene.skewed_s = max(scene.skewed_s, abs(found.by_s))
            found.begin(self._sim)
            self._agenda.add(until, lambda: found.end(self._sim))
        else:
            undo = self._operators.act(event)
            if event.for_s:
                self._agenda.add(until, undo)


@contextlib.contextmanager
def playing(
    storm: Storm, seed: str | int = 0, folder: Path | None = None
) -> Iterator[tuple[Simulation, "Play"]]:
    """A storm that is about to begin: ``sim.run(play.run())``; raises Violation."""
    with simulated(tomli_w.dumps(storm.lab), seed=seed, folder=folder) as sim:
        sim.machines.hosts |= dict.fromkeys(storm.elsewhere, "elsewhere")
        made = Play(sim, storm)
        try:
            yield sim, made
        except (CallbackFailed, Standstill) as error:
            raise made.watch.as_violation(error) from error


def play(storm: Storm, seed: str | int = 0, folder: Path | None = None) -> Played:
    """Run a storm.

    Raises:
        Violation: an invariant did not hold.
    """
    with playing(storm, seed, folder) as (sim, made):
        sim.run(made.run())
        statuses = made.watch.statuses.standing.values()
        return Played(
            sim.digest(),
            sim.loop.time(),
            made.watch.steps,
            sum(sum(each.to.values()) for each in storm.mail),
            sum(status == MessageStatus.SENT for status, _ in statuses),
        )
