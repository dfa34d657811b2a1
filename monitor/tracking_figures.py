"""What people see in a report beside what really happened: opens, clicks, persons, opt-outs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from mail.tracked import Kind
from store.tracking_accounts import Logged

NAMES: Final = (
    "opened",  # messages
    "opens",
    "clicked",  # messages
    "clicks",
    "persons",  # who clicked
    "opt_outs",
    "mirror",
)


@dataclass(slots=True)
class Tally:
    """One column of figures, by the formulas of the reports."""

    opened: set[int] = field(default_factory=set)
    clicked: set[int] = field(default_factory=set)
    persons: set[tuple[int, str]] = field(default_factory=set)  # by delivery
    logs: dict[Kind, int] = field(default_factory=dict)

    def add(self, delivery_id: int, message_id: int, kind: Kind, person: str) -> None:
        self.opened.add(message_id)  # whatever comes back implies an open
        self.logs[kind] = self.logs.get(kind, 0) + 1
        if kind is Kind.CLICK:
            self.clicked.add(message_id)
            if person:
                self.persons.add((delivery_id, person))

    def figures(self) -> dict[str, int]:
        """By name; see ``NAMES``."""
        return {
            "opened": len(self.opened),
            "opens": self.logs.get(Kind.OPEN, 0),
            "clicked": len(self.clicked),
            "clicks": self.logs.get(Kind.CLICK, 0),
            "persons": len(self.persons),
            "opt_outs": self.logs.get(Kind.OPT_OUT, 0),
            "mirror": self.logs.get(Kind.MIRROR, 0),
        }


@dataclass(slots=True)
class Figures:
    """Three columns: what people did, what was measured, and that without machines."""

    real: Tally = field(default_factory=Tally)
    measured: Tally = field(default_factory=Tally)
    humans: Tally = field(default_factory=Tally)

    def watch(self, records: Iterable[Logged]) -> Iterable[Logged]:
        """Pass the records on, and count them."""
        for each in records:
            self._count(each)
            yield each

    def _count(self, record: Logged) -> None:
        for tally in (self.measured,) if record.is_machine else (self.measured, self.humans):
            tally.add(record.delivery_id, record.message_id, record.kind, record.person)

    def as_json(self) -> dict[str, Any]:
        """By figure: real, measured, without_machines."""
        columns = self.real.figures(), self.measured.figures(), self.humans.figures()
        return {
            name: dict(
                zip(
                    ("real", "measured", "without_machines"),
                    (e[name] for e in columns),
                    strict=True,
                )
            )
            for name in NAMES
        }
