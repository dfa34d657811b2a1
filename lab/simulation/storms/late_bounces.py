"""Storms in which sinks send back what they accepted, and the port for it may be away."""

from collections.abc import Sequence
from typing import Any, Final

from lab.simulation.storms.drawing import Draw, seconds
from lab.simulation.storms.storm import Event, Mail

_FORMATS: Final = ("dsn", "exim", "qmail", "prose")
_ONCE: Final = ("kill", "kill_at_step")


def let_bounce(draw: Draw, lab: dict[str, Any], mail: Sequence[Mail]) -> list[Event]:
    """Let one sink of a lab send mail back; returns what goes wrong with it."""
    sink = lab["sink"][draw.one_of([*lab["sink"]])]
    personalities = lab.setdefault("personality", {})
    if sink["personality"] == "accept":
        sink["personality"] = "late"
    personality = personalities.setdefault(sink["personality"], {})
    personality["bounce_later"] = {
        "share": draw.one_of((0.5, 1.0)),
        "delay": {"time": draw.whole(0, 20) / 10, "jitter": draw.whole(0, 3)},
        "formats": [draw.one_of(_FORMATS), "dsn"],
        "reasons": [{"status": draw.one_of(("5.1.1", "5.2.2", "4.4.7")), "text": "not here"}],
    }
    if draw.is_so(0.3):
        personality["complain"] = {"share": 0.5, "delay": draw.whole(0, 3)}
    if draw.is_so(0.5):
        return []
    do = draw.one_of(("kill", "stall", "kill_at_step"))
    given: dict[str, Any] = {"process": draw.one_of(("inmail", "inmail", "sink")), "which": 0}
    if do == "kill_at_step":
        given["steps"] = draw.whole(1, 60)
    at = mail[0].at + mail[0].contact_in_s + seconds(draw, 0, 4)
    return [Event(at, do, given, 0.0 if do in _ONCE else seconds(draw, 0.2, 4))]
