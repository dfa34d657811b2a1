"""A whole storm, drawn."""

from lab.simulation.storms.drawing import Draw, SeededDraw
from lab.simulation.storms.events import act_of, fault_of, lost_host_of
from lab.simulation.storms.labs import lab_of, mail_of
from lab.simulation.storms.late_bounces import let_bounce
from lab.simulation.storms.storm import Storm
from world.chance import SeededChance


def storm_of(draw: Draw) -> Storm:
    """Draw one."""
    lab = lab_of(draw)
    mail = tuple(mail_of(draw, lab) for _ in range(draw.whole(1, 3)))
    acts = [act_of(draw, lab, mail) for _ in range(draw.whole(0, 4))]
    faults = [fault_of(draw, mail) for _ in range(draw.whole(0, 4))]
    events = [*acts, *faults]
    elsewhere: tuple[str, ...] = ()
    # With clocks that differ a lease ends at two times.
    if draw.is_so(0.3) and all(each.do != "clock_skew" for each in events):
        name = draw.one_of([*lab["mta"]])
        elsewhere = (name,)
        events.append(lost_host_of(draw, mail, name))
    # Drawn last: what was drawn before is the same without it.
    if draw.is_so(0.3):
        events += let_bounce(draw, lab, mail)
    return Storm(lab, mail, tuple(sorted(events, key=lambda each: each.at)), elsewhere)


def storm_of_seed(seed: int) -> Storm:
    """The storm that a seed stands for."""
    return storm_of(SeededDraw(SeededChance(f"storm/{seed}")))
