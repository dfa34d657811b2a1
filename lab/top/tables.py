"""A snapshot as cells: what each table shows, for the screen and for one frame of text. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.top.snapshot import Snapshot

Cells = tuple[str, ...]
BAR_WIDTH: Final = 14


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns (name, whether it is right-aligned) and how its rows are made."""

    name: str
    title: str
    columns: tuple[tuple[str, bool], ...]
    rows: Callable[[Snapshot], Sequence[tuple[str, Cells, str]]]  # key, cells, style


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def size(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def bar(sent: int, failed: int, messages: int, width: int = BAR_WIDTH) -> str:
    """What is over of a delivery: sent as full blocks, failed as hatched ones."""
    whole = max(messages, 1)
    over = round(width * (sent + failed) / whole)
    good = min(over, round(width * sent / whole))
    return "█" * good + "▒" * (over - good) + "·" * (width - over)


def _deliveries(found: Snapshot) -> list[tuple[str, Cells, str]]:
    return [
        (
            str(each.delivery),
            (
                str(each.delivery),
                each.label,
                each.status.replace("_", " "),
                bar(each.sent, each.failed, each.messages),
                number(each.pending),
                number(each.sent),
                number(each.failed),
                rate(each.rate),
            ),
            "dim" if each.status in ("finished", "cancelled") else "",
        )
        for each in found.deliveries
    ]


def _causes(found: Snapshot) -> list[tuple[str, Cells, str]]:
    return [
        (
            each.cause,
            (each.cause.replace("_", " "), number(each.messages), each.words),
            "red" if each.blocked else "",
        )
        for each in found.causes
    ]


def _lanes(found: Snapshot) -> list[tuple[str, Cells, str]]:
    return [
        (
            each.lane,
            (
                each.lane,
                number(each.in_hand),
                f"{each.connections}/{'-' if each.limit is None else each.limit}",
                each.state,
            ),
            "yellow" if each.state != "open" else "",
        )
        for each in found.lanes
    ]


def _workers(found: Snapshot) -> list[tuple[str, Cells, str]]:
    return [
        (
            each.worker,
            (
                each.worker,
                each.state,
                number(each.in_hand),
                number(each.connections),
                size(each.memory_bytes),
                each.trouble or f"{each.heartbeat_age_s:.0f} s ago",
            ),
            "red" if each.state == "lost" or each.trouble else "",
        )
        for each in found.workers
    ]


TABLES: Final = (
    Table(
        "deliveries",
        "Deliveries",
        (
            ("no.", True), ("label", False), ("status", False), ("messages", False),
            ("pending", True), ("sent", True), ("failed", True), ("a second", True),
        ),
        _deliveries,
    ),
    Table(
        "causes", "Why it is pending", (("cause", False), ("messages", True), ("", False)), _causes
    ),
    Table(
        "lanes",
        "Lanes",
        (("lane", False), ("in hand", True), ("conn.", True), ("", False)),
        _lanes,
    ),
    Table(
        "workers",
        "Workers",
        (
            ("worker", False), ("state", False), ("in hand", True), ("conn.", True),
            ("memory", True), ("heartbeat", False),
        ),
        _workers,
    ),
)  # fmt: skip


def headline(found: Snapshot) -> str:
    """The lab in one line."""
    blocked = sum(each.blocked for each in found.causes)
    said = [
        f"{rate(found.rate)} attempts a second",
        f"{number(found.pending)} pending",
        f"{number(found.in_hand)} in hand",
    ]
    if blocked:
        said.append(f"{number(blocked)} need a change")
    return "   ".join(said)


def in_order(rows: Sequence[tuple[str, Cells, str]], column: int | None) -> list[Any]:
    """Rows by a column, numbers from the highest down; None: as they come."""
    if column is None:
        return list(rows)
    return sorted(rows, key=lambda row: _sort_key(row[1][column]))


def _sort_key(cell: str) -> tuple[int, float, str]:
    text = cell.replace(",", "").removesuffix(" MB").partition("/")[0]
    try:
        return 0, -float(text), ""
    except ValueError:
        return 1, 0.0, cell
