"""A storm: a lab, mail, what operators do and what goes wrong, as one value that can be printed.

Times are virtual seconds since the beginning. ``brew`` draws storms, ``play`` runs them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

HEALED_AFTER_S: Final = 14.0  # by then nobody does anything any more and all faults are over


@dataclass(frozen=True, slots=True)
class Mail:
    """A delivery that is submitted; ``to`` maps a domain to a number of recipients."""

    at: float
    to: Mapping[str, int]
    affinity: str = "a"
    priority: int = 0
    part_size: int = 4
    contact_in_s: float = 0.0
    validity_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something done at a time: an act of an operator or a fault, by name; ``for_s``: it lasts."""

    at: float
    do: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Storm:
    """One run."""

    lab: Mapping[str, Any]  # mtalab.toml as values
    mail: tuple[Mail, ...]
    events: tuple[Event, ...] = ()
    elsewhere: tuple[str, ...] = ()  # instances that run on another host

    def as_values(self) -> dict[str, Any]:
        """As plain values, for TOML or JSON."""
        found: dict[str, Any] = asdict(self)
        return found


def storm_from(values: Mapping[str, Any]) -> Storm:
    """The storm of which these are the values."""
    mail = tuple(Mail(**each) for each in values["mail"])
    events = tuple(Event(**each) for each in values["events"])
    return Storm(values["lab"], mail, events, tuple(values["elsewhere"]))
