"""A whole storm, drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.simulation.storms.drawing import Draw, SeededDraw
from lab.simulation.storms.events import act_of, fault_of
from lab.simulation.storms.labs import lab_of, mail_of
from lab.simulation.storms.storm import Event, Storm
from world.chance import SeededChance


def storm_of(draw: Draw) -> Storm:
    """Draw one."""
    lab = lab_of(draw)
    mail = tuple(mail_of(draw, lab) for _ in range(draw.whole(1, 3)))
    acts = [act_of(draw, lab, len(mail)) for _ in range(draw.whole(0, 4))]
    faults = [fault_of(draw) for _ in range(draw.whole(0, 4))]
    events = tuple(sorted((*acts, *faults), key=lambda each: each.at))
    return Storm(lab, mail, events, _elsewhere(draw, lab, events))


def _elsewhere(draw: Draw, lab: Mapping[str, Any], events: Sequence[Event]) -> tuple[str, ...]:
    """Nobody there can be killed from here: only a lease keeps such a worker from sending on.

    With clocks that differ its lease ends at two times.
    """
    is_skewed = any(each.do == "clock_skew" for each in events)
    return (draw.one_of([*lab["mta"]]),) if draw.is_so(0.3) and not is_skewed else ()


def storm_of_seed(seed: int) -> Storm:
    """The storm that a seed stands for."""
    return storm_of(SeededDraw(SeededChance(f"storm/{seed}")))
