"""What a report is made of: sheets of rows, charts over them, and where each figure comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal[
    "text", "messages", "logs", "number", "share", "s", "bytes", "bit/s", "messages/h", "time", ""
]
Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column; a ``share`` is of 1, a ``time`` in epoch seconds. ``name`` is stable."""

    name: str
    label: str
    unit: Unit = "messages"


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a sheet: columns ``ys`` over ``x``, upon each other or each for itself."""

    kind: Literal["stacked", "bars", "lines"]
    title: str
    x: str
    ys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its pictures. Each row has a cell for each column."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    charts: tuple[Chart, ...] = ()

    def column(self, name: str) -> Column:
        """The column of a name."""
        return next(each for each in self.columns if each.name == name)

    def values(self, name: str) -> list[Cell]:
        """What stands in a column, from the top."""
        index = [each.name for each in self.columns].index(name)
        return [row[index] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is made: ``formula`` over ``counters``, which are tables of the store."""

    name: str
    formula: str
    counters: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report; ``notes`` say what it cannot tell."""

    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = ()


def sheet(
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *charts: Chart,
) -> Sheet:
    """A sheet, with the pictures that there is something to draw for."""
    return Sheet(name, title, tuple(columns), tuple(map(tuple, rows)), charts if rows else ())
