"""What may be said and done about a cause: the words, and the requests behind buttons."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from affinity.configuration import Configuration
from monitor.why.finding import Finding

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class Mends(StrEnum):
    """What mends a cause at best."""

    BUTTON = "by a button"
    INSTRUCTION = "by hand"
    TIME = "by time alone"


@dataclass(frozen=True, slots=True)
class Fix:
    """A button: what it says, and the request that it sends. ``confirm`` empty: it asks nothing."""

    label: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    method: str = "POST"
    confirm: str = ""
    done: str = "Done."


@dataclass(frozen=True, slots=True)
class Around:
    """What a fix may go by; ``personalities``: how each sink of ours behaves now, by name."""

    configuration: Configuration
    personalities: Mapping[str, str]

    def sinks_of(self, mx_group: str) -> tuple[str, ...]:
        """Our own sinks to which mail of an MX group goes."""
        route = self.configuration.route.get(mx_group)
        if route is None:
            return ()
        named = (each.sink for each in route.places)
        return tuple(each for each in named if each is not None)


def _none(_: Finding, __: Around) -> tuple[Fix, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """``what`` is so and ``how`` it is mended, of a cause in general; ``fixes`` are for a finding.

    ``where`` names the setting, and ``page`` the page that shows it; both may be empty.
    """

    mends: Mends
    what: str
    how: str
    fixes: Callable[[Finding, Around], tuple[Fix, ...]] = _none
    where: str = ""
    page: str = ""


def key_of(*words: str) -> str:
    """A dotted key of the configuration."""
    return ".".join(each if _BARE.fullmatch(each) else json.dumps(each) for each in words)
