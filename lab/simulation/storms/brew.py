"""A whole storm, drawn."""

from lab.simulation.storms.drawing import Draw, SeededDraw
from lab.simulation.storms.events import act_of, fault_of
from lab.simulation.storms.labs import lab_of, mail_of
from lab.simulation.storms.storm import Storm
from world.chance import SeededChance


def storm_of(draw: Draw) -> Storm:
    """Draw one."""
    lab = lab_of(draw)
    mail = tuple(mail_of(draw, lab) for _ in range(draw.whole(1, 3)))
    acts = [act_of(draw, lab, len(mail)) for _ in range(draw.whole(0, 4))]
    faults = [fault_of(draw) for _ in range(draw.whole(0, 4))]
    return Storm(lab, mail, tuple(sorted((*acts, *faults), key=lambda each: each.at)))


def storm_of_seed(seed: int) -> Storm:
    """The storm that a seed stands for."""
    return storm_of(SeededDraw(SeededChance(f"storm/{seed}")))
