"""Recipients of the demo: made up, the same each time."""

import csv
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_FIRST: Final = (
    "Ada", "Björn", "Chloé", "Dmitri", "Eleni", "Fatima", "Grace", "Håkon", "Inés", "Jan",
    "Kaito", "Lucía", "Marie", "Nuria", "Oğuz", "Priya", "Quentin", "Rosa", "Søren", "Tomás",
)  # fmt: skip
_LAST: Final = (
    "Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horvat", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Müller", "Novák", "O'Neill", "Petrov", "Rossi",
)  # fmt: skip
_CITIES: Final = ("Lyon", "Århus", "Köln", "Genève", "Praha", "Málaga", "Gent")


def write_people(file: Path, count: int, domains: Sequence[tuple[str, int]], start: int) -> None:
    """``count`` recipients over the domains by their weights, dealt in turn, as CSV."""
    deck = [domain for domain, weight in domains for _ in range(weight)]
    # A step that shares no factor with the deck's length visits every card equally often.
    step = next(each for each in itertools.count(7) if math.gcd(each, len(deck)) == 1)
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["address", "first_name", "last_name", "city", "offer"])
        for number in range(start, start + count):
            domain = deck[number * step % len(deck)]
            writer.writerow(
                [
                    f"user{number}@{domain}",
                    _FIRST[number % len(_FIRST)],
                    _LAST[number * 5 % len(_LAST)],
                    _CITIES[number % len(_CITIES)],
                    f"{10 + number % 5 * 5} %",
                ]
            )
