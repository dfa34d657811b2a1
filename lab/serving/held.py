"""One lab of a test: made, driven piece by piece, ended."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from typing import Any, Final, TypeVar

from lab.detached import LOG
from lab.scenario import acts
from lab.scenario.outcome import Failure
from lab.scenario.perform import perform
from lab.scenario.read import Case
from lab.scenario.real import RealLab, real_lab
from lab.scenario.run import check_mode, tick_of
from lab.scenario.runner import LONGEST_LOOK_S, LOOK_S, SETTLES_S, Run
from lab.scenario.simulated import simulated_lab
from lab.scenario.surroundings import Mode, ScenarioLab
from lab.serving.errors import LabBroke, NoSuchDelivery
from lab.simulation.simulation import Simulation
from mail.states import DeliveryStatus
from store import deliveries
from world.clock import Clock

# A lab that was built has been up for so long when it is handed out, as a scenario's has at its
# first delivery: who asks then finds processes that run.
STARTED_S: Final = 2.0
REAL_LOOK_S: Final = 0.1  # how often it is seen whether all is over, where time is real
_LATER: Final = 1.5
_ALL: Final = 100_000  # deliveries
_OVER: Final = frozenset((DeliveryStatus.FINISHED, DeliveryStatus.CANCELLED, DeliveryStatus.FAILED))
_T = TypeVar("_T")


class HeldLab:
    """Made by ``hold``."""

    def __init__(
        self,
        case: Case,
        lab: ScenarioLab,
        drive: Callable[[Coroutine[Any, Any, Any]], Any],
        said: Callable[[], Iterable[str]],
    ) -> None:
        self.case, self.lab, self._said = case, lab, said
        self.run = Run(case, lab)
        self._drive = drive
        self._complaints = 0  # of the lab, that were told
        self._told = 0  # failures of the scenario's expectations, that were told
        self.stack = contextlib.ExitStack()

    @property
    def elapsed(self) -> float:
        """Seconds since its beginning."""
        return self.run.elapsed

    def drive(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Let something happen in it, and time pass as far as that takes.

        Raises:
            LabBroke: a process of it ended by a mistake of ours meanwhile.
        """
        found: _T = self._drive(work)
        complaints = self.lab.complaints()
        new, self._complaints = complaints[self._complaints :], len(complaints)
        if new:
            raise LabBroke(
                f"this is a mistake of mtalab's own: {new[0]}",
                remedy="Please report it, with the test and its seed.",
            )
        return found

    # --- time ------------------------------------------------------------------------------------

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await self.run.advance(self.elapsed + seconds)

    async def until_done(self, numbers: Collection[int], within_s: float) -> bool:
        """Let time pass until these deliveries are over, or all; False: they are not in time."""
        look_s, until = self._first_look_s, self.elapsed + within_s
        is_real = self.lab.mode == "real"
        while not self._are_over(numbers):
            if self.elapsed >= until:
                await self.run.advance(self.elapsed)
                return False
            await self._pass(min(until, self.elapsed + look_s))
            look_s = look_s if is_real else min(look_s * _LATER, LONGEST_LOOK_S)
        await self.run.advance(self.elapsed + (0.0 if is_real else SETTLES_S))
        return True

    async def _pass(self, elapsed_s: float) -> None:
        """Let time pass until then; where nothing is to happen, nobody need look around then."""
        if self.run.happens_at <= elapsed_s:
            await self.run.advance(elapsed_s)
        else:
            await asyncio.sleep(elapsed_s - self.elapsed)

    @property
    def _first_look_s(self) -> float:
        return REAL_LOOK_S if self.lab.mode == "real" else LOOK_S

    def _are_over(self, numbers: Collection[int]) -> bool:
        # None: all, with those that applications submit.
        found = self.lab.store.read_now(deliveries.find, ids=list(numbers) or None, limit=_ALL)
        return all(
            each.status in _OVER or (each.open_until is not None and not each.counts.get("pending"))
            for each in found
        )

    # --- what happens ----------------------------------------------------------------------------

    def number_of(self, name: str | None) -> int | None:
        """The number of a delivery by its name.

        Raises:
            NoSuchDelivery: there is none.
        """
        if name is None:
            return None
        known = self.run.stage.deliveries
        if name not in known:
            raise NoSuchDelivery(name, known)
        return known[name]

    def name_of(self, number: int) -> str | None:
        """The name of a delivery by its number; None: an application submitted it."""
        names = {each: name for name, each in self.run.stage.deliveries.items()}
        return names.get(number)

    def do(self, act: acts.Act) -> None:
        """Let an event happen now; raises what ``perform`` does."""
        self.number_of(getattr(act, "delivery", None))
        self.drive(perform(act, self.run.stage))

    def said(self) -> list[str]:
        """What its processes said, a line each."""
        return list(self._said())

    def new_failures(self) -> list[Failure]:
        """Expectations of the scenario file that did not hold, and were not told yet."""
        new = self.run.failures[self._told :]
        self._told = len(self.run.failures)
        return new

    def close(self) -> None:
        """End it. Safe twice."""
        self.stack.close()


def hold(case: Case, mode: Mode, seed: int | None, clock: Clock, *, begins: bool) -> HeldLab:
    """Make a lab and start it.

    Args:
        case: what it is.
        mode: how it runs.
        seed: of all chance in it, in place of the case's.
        clock: real time.
        begins: whether it is at its beginning, where a scenario file tells what comes; otherwise
            it is started.

    Raises:
        NotInThisMode: the scenario cannot be run this way.
        LabDidNotStart, ListenAddressUnusable, …: it cannot run here now.
    """
    check_mode(case, mode)
    with contextlib.ExitStack() as stack:
        if mode == "real":
            real = stack.enter_context(real_lab(case.topology, clock))
            runner = stack.enter_context(asyncio.Runner())
            stack.callback(_end, runner, real)
            held = HeldLab(case, real, runner.run, lambda: _last_words(real))
        else:
            made = simulated_lab(
                case.topology,
                seed=str(case.scenario.seed if seed is None else seed),
                epoch=case.scenario.begins.timestamp(),
                tick_s=tick_of(case),
            )
            simulation, lab = stack.enter_context(made)
            held = HeldLab(case, lab, simulation.run, lambda: _lines_of(simulation))
        held.drive(held.run.begin())
        if not begins and mode == "simulated":
            held.drive(held.advance(STARTED_S))
        held.stack = stack.pop_all()
    return held


def _end(runner: asyncio.Runner, lab: RealLab) -> None:
    runner.run(lab.down())


def _last_words(lab: RealLab) -> Iterable[str]:
    file = lab.loaded.directory / LOG
    return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else ()


def _lines_of(simulation: Simulation) -> Iterator[str]:
    for each in simulation.said.lines:
        elapsed = each.at - simulation.epoch
        yield f"{elapsed:.3f} s  {each.module}: {each.level}: {each.event}: {each.note}"
