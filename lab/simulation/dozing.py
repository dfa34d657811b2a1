"""Who looks at the store again and again, and which of those looks are left out.

A look finds what the one before it found, if nobody has written since that one began and nothing
has become due by the mere passing of time. Only such looks are left out. Heartbeats are no news as
long as they are punctual; whenever anybody looks, all whose looks were left out look too, and a
heartbeat that is late by that is news: so nobody is taken for dead for having been left out.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from lab.simulation.process import CURRENT, SimulatedProcess, State
from world.clock import About

_NEVER: Final = math.inf
_SOON_S: Final = 0.1  # nothing that is due meanwhile is worth asking for
_EPSILON_S: Final = 1e-9


@dataclass(eq=False, slots=True)
class Doze:
    """One who waits to look again."""

    began: float
    period: float
    about: About
    seen: int  # changes of what it is about, when the look before this doze began
    process: SimulatedProcess | None
    order: int
    over: asyncio.Future[None]
    task: "asyncio.Task[Any] | None"

    def look_from(self, when: float) -> float:
        """The first of its looks at or after ``when``."""
        looks = math.ceil((when - self.began) / self.period - _EPSILON_S)
        return self.began + max(1, looks) * self.period

    def last_look_until(self, when: float) -> float:
        """The last of its looks not after ``when``."""
        looks = math.floor((when - self.began) / self.period + _EPSILON_S)
        return self.began + looks * self.period

    @property
    def is_awake(self) -> bool:
        return self.process is None or self.process.state is State.RUNNING


@dataclass
class Dozing:
    """All who doze.

    Args:
        next_due: tells for a time when, after it, something is due by the passing of time alone.
        tick_s: what becomes due is found on this grid; 0: by the first look after it.
    """

    next_due: Callable[[float], float] = lambda now: now
    tick_s: float = 0.0
    changes: dict[About, int] = field(default_factory=lambda: {"store": 0, "machine": 0})
    _dozes: list[Doze] = field(default_factory=list)
    _looked: dict[object, int] = field(default_factory=dict)  # task → changes as its look began
    _late: dict[object, float] = field(default_factory=dict)  # task → how late its look is
    _order: int = 0
    _due: tuple[int, float] = (-1, 0.0)  # for so many changes: when something is due
    _wake: float | None = None  # the next one, if known

    def changed(self, what: About) -> None:
        """Something is as it was not."""
        self.changes[what] += 1
        self._wake = None

    def doze(self, loop: asyncio.AbstractEventLoop, seconds: float, about: About) -> Doze:
        """Begin to doze: await its ``over``, then ``leave``."""
        task = asyncio.current_task(loop)
        self._order += 1
        seen = self._looked.get(task, -1)
        process, over = CURRENT.get(), loop.create_future()
        began = loop.time() - self._late.pop(task, 0.0)  # its looks keep their beat
        found = Doze(began, seconds, about, seen, process, self._order, over, task)
        self._dozes.append(found)
        self._wake = None
        return found

    def leave(self, doze: Doze) -> None:
        """It looks now, whatever woke it. Safe after it was woken."""
        if doze in self._dozes:
            self._dozes.remove(doze)
            self._looked[doze.task] = self.changes[doze.about]
            self._wake = None

    def next_wake(self, now: float, before: float | None) -> float | None:
        """When somebody has to look; None: not before ``before``, or never."""
        if self._wake is None:
            self._wake = self._first_wake(now)
        limit = _NEVER if before is None else before
        return self._wake if self._wake < limit else None

    def _first_wake(self, now: float) -> float:
        awake = [each for each in self._dozes if each.is_awake]
        if not awake:
            return _NEVER
        news = (each for each in awake if each.seen != self.changes[each.about])
        found = min((each.look_from(now) for each in news), default=_NEVER)
        if found > now + _SOON_S:
            due = self._due_after(now)
            looking = [each for each in awake if each.about == "store"]
            if due < found and looking:
                first = min(each.look_from(max(due, now)) for each in looking)
                found = min(found, self._on_grid(first))
        return found

    def _due_after(self, now: float) -> float:
        changes, due = self._due
        if changes != self.changes["store"] or due <= now:
            due = self.next_due(now)
            self._due = (self.changes["store"], due)
        return due

    def _on_grid(self, when: float) -> float:
        if self.tick_s <= 0 or when == _NEVER:
            return when
        return math.ceil(when / self.tick_s - _EPSILON_S) * self.tick_s

    def wake(self, now: float) -> None:
        """Let all look whose next look is due or was left out."""
        woken = [
            each
            for each in self._dozes
            if each.is_awake and each.began + each.period <= now + _EPSILON_S
        ]
        woken.sort(key=lambda each: (each.process.pid if each.process else 0, each.order))
        for each in woken:
            self._dozes.remove(each)
            self._looked[each.task] = self.changes[each.about]
            self._late[each.task] = now - each.last_look_until(now)
            if not each.over.done():
                each.over.set_result(None)
        self._wake = None
