"""The places that the navigation leads to, in its order."""

from typing import Final, NamedTuple


class Place(NamedTuple):
    """One page of the navigation; ``key`` is ``here`` of its template, and pressed after ``g``."""

    key: str
    path: str
    label: str
    letter: str


PLACES: Final = (
    Place("deliveries", "/", "Deliveries", "d"),
    Place("flow", "/flow", "Flow", "f"),
    Place("queue", "/queue", "Queue", "q"),
    Place("mtas", "/mtas", "MTAs", "m"),
    Place("affinities", "/affinities", "Affinities", "a"),
    Place("sinks", "/sinks", "Sinks", "s"),
    Place("inbox", "/inbox", "Inbox", "i"),
    Place("recipients", "/recipients", "Recipients", "r"),
    Place("reports", "/reports", "Reports", "p"),
    Place("scenarios", "/scenarios", "Scenarios", "c"),
)
