"""What a sink thinks of each source: counts that fade, and the reputation that they make.

Rules of this file: time is handed in, in seconds that never go back; nothing here waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sinks.standing import Reputation

_KNOWN_MAX: Final = 100_000
_FORGOTTEN_BELOW: Final = 0.01  # of a recipient: far less than any prior


@dataclass(slots=True)
class _Past:
    good: float
    bad: float
    at: float  # when both were right


@dataclass(frozen=True, slots=True)
class Standing:
    """A source as it stands now."""

    source: str  # its IP, or the network that shares a reputation
    reputation: float
    good: float
    bad: float


class Reputations:
    """The past of all sources. It outlives the settings that judge it."""

    def __init__(self) -> None:
        self._past: dict[str, _Past] = {}

    def of(self, source: str, settings: Reputation, now: float) -> float:
        """Between 0 and 1."""
        past = self._past.get(source)
        if past is None:
            return settings.start
        return _reputation(_faded(past, settings, now), settings)

    def note(
        self, source: str, settings: Reputation, now: float, *, good: float = 0.0, bad: float = 0.0
    ) -> None:
        """Add to what is known."""
        past = self._past.get(source)
        if past is None:
            self._make_room(settings, now)
            past = _Past(0.0, 0.0, now)
        faded = _faded(past, settings, now)
        self._past[source] = _Past(faded.good + good, faded.bad + bad, now)

    def all(self, settings: Reputation, now: float) -> Iterator[Standing]:
        """All sources that something is known about, the worst first."""
        standings = []
        for source, past in self._past.items():
            faded = _faded(past, settings, now)
            standings.append(Standing(source, _reputation(faded, settings), faded.good, faded.bad))
        yield from sorted(standings, key=lambda each: (each.reputation, each.source))

    def _make_room(self, settings: Reputation, now: float) -> None:
        if len(self._past) < _KNOWN_MAX:
            return
        for source, past in list(self._past.items()):
            faded = _faded(past, settings, now)
            if faded.good + faded.bad < _FORGOTTEN_BELOW:
                del self._past[source]
        if len(self._past) >= _KNOWN_MAX:  # still: the one that was heard of first
            del self._past[next(iter(self._past))]


def _faded(past: _Past, settings: Reputation, now: float) -> _Past:
    left = 0.5 ** ((now - past.at) / settings.half_life)
    return _Past(past.good * left, past.bad * left, now)


def _reputation(past: _Past, settings: Reputation) -> float:
    seen = past.good + past.bad + settings.prior
    return (past.good + settings.prior * settings.start) / seen
