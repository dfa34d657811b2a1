"""A scenario seen step by step: how it stood at even times and after each event.

Whoever looks lets everybody in the lab look as well, which shifts what they do by some tenths of a
second. So the run that is judged is not the one that is watched: that is played once more.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.scenario.outcome import Outcome
from lab.scenario.read import Case
from lab.scenario.run import as_simulated
from lab.scenario.runner import Run
from lab.scenario.simulated import SimulatedLab
from lab.simulation.loop import CallbackFailed
from lab.simulation.simulation import Simulation
from mail.errors import MtalabError
from mail.states import MessageStatus
from monitor.why.diagnosis import causes, diagnose
from store import deliveries

LOOKS: Final = 60  # over the whole time, besides one after each event
_ALL: Final = 1_000_000  # deliveries


@dataclass(frozen=True, slots=True)
class Step:
    """One look."""

    at: float  # seconds after the beginning
    counts: Mapping[str, int]  # messages by status
    causes: Mapping[str, int]  # pending messages by cause
    event: str | None  # what had happened just then; None: nothing, time has passed

    def as_json(self) -> dict[str, Any]:
        return {
            "at": round(self.at, 3),
            "counts": dict(self.counts),
            "causes": dict(self.causes),
            "event": self.event,
        }


@dataclass
class Watching:
    """Looks at a lab when it is time to."""

    ends_s: float
    steps: list[Step] = field(default_factory=list)
    _happened: list[str] = field(default_factory=list)

    def told(self, _at: float, what: str) -> None:
        """Something is about to happen: look when it has."""
        self._happened.append(what)

    @property
    def next_at(self) -> float:
        """When the next look at an even time is due."""
        return self.ends_s * self._looked / LOOKS

    @property
    def _looked(self) -> int:
        return sum(each.event is None for each in self.steps)

    @property
    def is_over(self) -> bool:
        return self._looked > LOOKS

    def look_after_events(self, lab: SimulatedLab) -> None:
        """See what came of what has happened, if anything has."""
        if self._happened:
            self.look(lab, "; ".join(self._happened))
            self._happened.clear()

    def look(self, lab: SimulatedLab, event: str | None = None) -> None:
        """See how it stands now."""
        now = lab.clock.now()
        found: Counter[str] = Counter({str(each): 0 for each in MessageStatus})
        for each in lab.store.read_now(deliveries.find, limit=_ALL):
            found.update(each.counts)
        seen = diagnose(lab.store, lab.loaded.configuration, now, seen=lab.host_facts())
        self.steps.append(Step(now - lab.beginning, dict(found), causes(seen), event))


class WatchedLab(SimulatedLab):
    """One whose time stops for each look."""

    def __init__(self, simulation: Simulation, watching: Watching) -> None:
        super().__init__(simulation)
        self._watching = watching

    async def until(self, elapsed_s: float) -> None:
        watching = self._watching
        watching.look_after_events(self)
        while not watching.is_over and watching.next_at <= elapsed_s:
            await super().until(watching.next_at)
            watching.look(self)
        await super().until(elapsed_s)


def watched(case: Case, outcome: Outcome) -> dict[str, Any]:
    """Play again what came to this outcome in the simulation, and tell its steps (docs/json.md)."""
    watching = Watching(outcome.virtual_s)
    with as_simulated(case, outcome.seed) as simulation:
        lab = WatchedLab(simulation, watching)
        try:
            simulation.run(Run(case, lab, watching.told).play())
        except (MtalabError, CallbackFailed) as error:
            watching.told(0.0, str(error))  # its end, which the outcome tells
        watching.look_after_events(lab)
    return {
        "name": outcome.name,
        "seed": outcome.seed,
        "begins": case.scenario.begins.timestamp(),
        "virtual_seconds": round(outcome.virtual_s, 3),
        "steps": [each.as_json() for each in watching.steps],
    }
