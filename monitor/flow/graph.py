"""The picture as values: nodes in five columns and edges between neighbours, and stops."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

Column = Literal["delivery", "lane", "instance", "source_ip", "destination"]
COLUMNS: tuple[Column, ...] = ("delivery", "lane", "instance", "source_ip", "destination")


class State(StrEnum):
    """How something stands; of several the last holds."""

    IDLE = "idle"  # nothing is to be done there
    WAITING = "waiting"  # it goes on by itself, later
    FLOWING = "flowing"
    FAILING = "failing"  # most attempts of late were put off or refused
    BLOCKED = "blocked"  # only a change moves it


@dataclass(frozen=True, slots=True)
class Node:
    """One thing of a column; ``members`` are the names of those that it stands for.

    ``messages`` wait at it or are in its hand; ``rate`` is attempts per second. A ``cause`` stands
    for messages that come no further than their delivery: it is a stop, in the column of lanes.
    """

    key: str
    column: Column
    label: str
    detail: str
    state: State
    messages: int
    rate: float
    members: tuple[str, ...]
    cause: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key, "column": self.column, "label": self.label, "detail": self.detail,
            "state": str(self.state), "messages": self.messages, "rate": self.rate,
            "members": list(self.members), "cause": self.cause,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edge:
    """What goes, or waits to go, from one node to the next; rates are attempts per second."""

    source: str
    target: str
    state: State
    messages: int
    rate: float
    trouble: float  # of the rate: what was put off or refused

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source, "target": self.target, "state": str(self.state),
            "messages": self.messages, "rate": self.rate, "trouble": self.trouble,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole picture as of ``at`` (epoch seconds); rates are of the last ``window_s``."""

    at: float
    window_s: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def of(self, column: Column) -> list[Node]:
        return [each for each in self.nodes if each.column == column]

    def as_json(self) -> dict[str, Any]:
        """The shape in ``docs/json.md``."""
        return {
            "at": self.at,
            "window_s": self.window_s,
            "nodes": [each.as_json() for each in self.nodes],
            "edges": [each.as_json() for each in self.edges],
        }
