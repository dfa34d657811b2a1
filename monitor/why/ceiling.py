"""What a lane can let through at most, and which setting says so."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from affinity.configuration import Configuration
from affinity.gcra import HOUR_S, Gcra
from affinity.lane import LaneKey, Limits, limits_of_group
from affinity.route import Routes
from affinity.slots import SLOTS_TOUCHED, Slots

_SLOTS_AN_HOUR: Final = 12


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Messages in an hour over a long time, by what is configured alone; None: no limit.

    With a limit on connections there is a ceiling only for a receiver of known speed:
    ``per_second_of_answer`` is it where each message takes a second.
    """

    messages_per_hour: int | None
    per_second_of_answer: int | None
    setting: str


def ceiling(limits: Limits) -> Ceiling:
    connections = limits.max_connections
    per_second = None if connections is None else connections * 3600
    per_hour = limits.messages_per_hour
    if per_hour is None:
        if connections is None:
            return Ceiling(None, None, "no MX rule limits it")
        rule = limits.because["max_connections"]
        return Ceiling(None, per_second, f"max_connections = {connections} of MX rule {rule}")
    rule = limits.because["messages_per_hour"]
    setting = f"messages_per_hour = {per_hour} of MX rule {rule}"
    if isinstance(limits.rate, Slots):
        # Any thirteen slots have the limit between them.
        steady = per_hour * _SLOTS_AN_HOUR // SLOTS_TOUCHED
        return Ceiling(steady, per_second, f"{setting}, in slots of five minutes")
    steady = (
        math.floor(HOUR_S / limits.rate.interval_s) if isinstance(limits.rate, Gcra) else per_hour
    )
    return Ceiling(steady, per_second, setting)


def ceilings(configuration: Configuration, lanes: Iterable[str]) -> dict[str, Ceiling]:
    """What lanes, named as everywhere, can let through."""
    routes = Routes(configuration.route)
    return {
        lane: ceiling(limits_of_group(configuration, routes, LaneKey.parse(lane).mx_group))
        for lane in lanes
    }
