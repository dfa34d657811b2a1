"""One scenario in a lab of its own, in either mode."""

import contextlib
from pathlib import Path
from typing import Final

import tomli_w

from lab.scenario.errors import NotInThisMode
from lab.scenario.folders import folder_for
from lab.scenario.outcome import Outcome
from lab.scenario.read import Case
from lab.scenario.runner import Run, Told
from lab.scenario.simulated import SimulatedLab
from lab.scenario.surroundings import Mode
from lab.simulation.loop import CallbackFailed
from lab.simulation.simulation import Simulation, simulated
from mail.errors import MtalabError
from world.clock import Clock

EXACT_UNTIL_S: Final = 720.0  # shorter scenarios need no tick
TICKS: Final = 1440  # of a longer one


def run(
    case: Case,
    mode: Mode,
    clock: Clock,
    *,
    seed: int | None = None,
    keep: Path | None = None,
    told: Told = lambda _at, _what: None,
) -> Outcome:
    """Run it.

    Args:
        case: the scenario.
        mode: how.
        clock: real time, for how long it took.
        seed: in place of the scenario's own.
        keep: a folder for its lab, which stays.
        told: hears of each event.

    Raises:
        NotInThisMode: it cannot be run this way.
    """
    check_mode(case, mode)
    chosen = case.scenario.seed if seed is None else seed
    if mode == "real":
        from lab.scenario.real import run_for_real  # it brings processes and sockets with it

        return run_for_real(case, clock, seed=chosen, keep=keep, told=told)
    return _simulate(case, clock, chosen, keep, told)


def check_mode(case: Case, mode: Mode) -> None:
    """See whether it may be run so.

    Raises:
        NotInThisMode: it may not.
    """
    if mode not in case.scenario.modes:
        raise NotInThisMode(
            f"{case.file.name} can be run {' and '.join(case.scenario.modes)} only, not {mode}",
            remedy='modes = ["simulated", "real"] at its top allows both, if no event forbids it.',
        )


def _simulate(case: Case, clock: Clock, seed: int, keep: Path | None, told: Told) -> Outcome:
    began = clock.monotonic()
    folder = None if keep is None else folder_for(keep, case.name)
    with as_simulated(case, seed, folder) as simulation:
        lab = SimulatedLab(simulation)
        run = Run(case, lab, told)
        error: Exception | None = None
        try:
            simulation.run(run.play())
        except (MtalabError, CallbackFailed) as found:
            error = found
        if folder is not None:
            lab.keep()
        return run.outcome(wall_s=clock.monotonic() - began, seed=seed, error=error, kept=folder)


def as_simulated(
    case: Case, seed: int, folder: Path | None = None
) -> contextlib.AbstractContextManager[Simulation]:
    """The simulation in which a scenario is played; nothing of it runs yet."""
    return simulated(
        tomli_w.dumps(case.topology),
        seed=str(seed),
        epoch=case.scenario.begins.timestamp(),
        tick_s=tick_of(case),
        folder=folder,
    )


def tick_of(case: Case) -> float:
    """On which grid what becomes due is acted on; 0: as fast as the lab looks."""
    scenario = case.scenario
    if scenario.tick is not None:
        return scenario.tick
    return 0.0 if scenario.lasts < EXACT_UNTIL_S else scenario.lasts / TICKS
