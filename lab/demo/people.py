"""Recipients of the demo: made up, the same each time."""

import csv
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
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["address", "first_name", "last_name", "city", "offer"])
        for number in range(start, start + count):
            # Steps that share no factor with the deck's length visit every card equally often.
            domain = deck[number * 7 % len(deck)]
            writer.writerow(
                [
                    f"user{number}@{domain}",
                    _FIRST[number % len(_FIRST)],
                    _LAST[number * 5 % len(_LAST)],
                    _CITIES[number % len(_CITIES)],
                    f"{10 + number % 5 * 5} %",
                ]
            )
