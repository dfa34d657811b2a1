"""Where everything of the picture of the pipeline is drawn: pure, in units of its own."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from textwrap import wrap
from typing import Final

from monitor.flow.graph import COLUMNS, Column, Edge, Flow, Node, State

WIDTH: Final = 1240.0
_PLACES: Final[dict[Column, tuple[float, float]]] = {  # left edge and width
    "delivery": (0.0, 215.0),
    "lane": (280.0, 250.0),
    "instance": (597.0, 165.0),
    "source_ip": (829.0, 150.0),
    "destination": (1045.0, 195.0),
}
_TITLES: Final[dict[Column, str]] = {
    "delivery": "Deliveries",
    "lane": "Lanes, and stops",
    "instance": "MTAs",
    "source_ip": "Source IPs",
    "destination": "Destinations",
}
_TOP: Final = 34.0  # below the titles
_GAP: Final = 14.0
_LEAST: Final = 46.0  # height of a node: two lines
_LINE: Final = 15.0
_THIN, _THICK = 1.5, 17.0
_LEFT_OF_TEXT: Final = 30.0  # the sign of the state stands there
_LETTER, _SMALL_LETTER = 7.6, 6.4  # mean widths
_LINES, _STOP_LINES = 2, 4


@dataclass(frozen=True, slots=True)
class Box:
    """A node as drawn; ``id`` is the same as long as it is the same thing."""

    id: str
    node: Node
    x: float
    y: float
    width: float
    height: float
    label: str
    lines: tuple[str, ...]
    href: str


@dataclass(frozen=True, slots=True)
class Ribbon:
    """An edge as drawn: a path of this width; ``speed`` 0 stands, 3 is the fastest."""

    id: str
    edge: Edge
    path: str
    width: float
    speed: int
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Title:
    """Of a column."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it; ``height`` in the same units as ``WIDTH``."""

    height: float
    titles: tuple[Title, ...]
    boxes: tuple[Box, ...]
    ribbons: tuple[Ribbon, ...]


def drawing_of(flow: Flow) -> Drawing:
    """The picture, laid out."""
    widths = _widths(flow.edges)
    heights = {each.key: _height(each, flow.edges, widths) for each in flow.nodes}
    height = max((_column_height(flow.of(each), heights) for each in COLUMNS), default=_LEAST)
    boxes: dict[str, Box] = {}
    for column in COLUMNS:
        nodes = flow.of(column)
        y = _TOP + (height - _column_height(nodes, heights)) / 2
        for node in nodes:
            boxes[node.key] = _box(node, y, heights[node.key], flow.edges)
            y += heights[node.key] + _GAP
    titles = tuple(Title(_PLACES[each][0], _TITLES[each]) for each in COLUMNS)
    ribbons = tuple(_ribbons(flow, boxes, widths))
    return Drawing(height + _TOP + 4, titles, tuple(boxes.values()), ribbons)


def _column_height(nodes: Sequence[Node], heights: dict[str, float]) -> float:
    return sum(heights[each.key] for each in nodes) + _GAP * max(0, len(nodes) - 1)


def _widths(edges: Sequence[Edge]) -> dict[Edge, float]:
    """What moves by its rate, what stands by its messages, each against the most there is."""
    fastest = max((each.rate for each in edges), default=0.0)
    most = max((each.messages for each in edges if not each.rate), default=0)
    return {each: _width(each, fastest, most) for each in edges}


def _width(edge: Edge, fastest: float, most: int) -> float:
    if edge.rate:
        return 2.5 + (_THICK - 2.5) * sqrt(edge.rate / fastest)
    if edge.messages:
        return 2.5 + (_THICK - 2.5) * sqrt(edge.messages / most)
    return _THIN


def _height(node: Node, edges: Sequence[Edge], widths: dict[Edge, float]) -> float:
    coming = sum(widths[each] + 1 for each in edges if each.target == node.key)
    going = sum(widths[each] + 1 for each in edges if each.source == node.key)
    lines = len(_lines(node))
    return max(_LEAST + _LINE * max(0, lines - 1), coming + 8, going + 8)


def _lines(node: Node) -> tuple[str, ...]:
    room = int((_PLACES[node.column][1] - _LEFT_OF_TEXT - 8) / _SMALL_LETTER)
    most = _LINES if node.cause is None else _STOP_LINES
    found = wrap(node.detail, room, break_long_words=True)
    if len(found) > most:
        found = [*found[: most - 1], _short(" ".join(found[most - 1 :]), room)]
    return tuple(found)


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _box(node: Node, y: float, height: float, edges: Sequence[Edge]) -> Box:
    x, width = _PLACES[node.column]
    label = f"{node.messages:,} · {node.label}" if ":stop:" in node.key else node.label
    room = int((width - _LEFT_OF_TEXT - 8) / _LETTER)
    return Box(
        id_of(node.key), node, x, y, width, height, _short(label, room), _lines(node),
        _leads_to(node, edges),
    )  # fmt: skip


def id_of(key: str) -> str:
    """A word for an attribute ``id``."""
    return "flow-" + "".join(each if each.isalnum() else f"_{ord(each):x}_" for each in key)


def _leads_to(node: Node, edges: Sequence[Edge]) -> str:
    name = node.members[0]
    is_one = len(node.members) == 1
    if ":stop:" in node.key:
        return _cause_page(node, [each.source for each in edges if each.target == node.key])
    if node.column == "delivery":
        return f"/deliveries/{name}" if is_one and name != "0" else "/"
    if node.column == "destination":
        return "/sinks" if node.detail.startswith("sink ") else "/queue"
    if node.column == "source_ip":
        return "/affinities"
    return "/mtas"


def _cause_page(node: Node, sources: Sequence[str]) -> str:
    """Of the delivery that stands there; of several, what the queue says."""
    numbers = [each.removeprefix("delivery:") for each in sources]
    if len(numbers) == 1 and numbers[0].isdigit() and node.cause is not None:
        return f"/deliveries/{numbers[0]}/pending#{node.cause}"
    return "/queue?by=cause"


def _ribbons(flow: Flow, boxes: dict[str, Box], widths: dict[Edge, float]) -> list[Ribbon]:
    fastest = max((each.rate for each in flow.edges), default=0.0)
    starts = _ports(flow.edges, boxes, widths, at_source=True)
    ends = _ports(flow.edges, boxes, widths, at_source=False)
    found = []
    # What stands is drawn first, and what is worst last, on top.
    for edge in sorted(flow.edges, key=lambda each: list(State).index(each.state)):
        source, target = boxes[edge.source], boxes[edge.target]
        x1, x2 = source.x + source.width, target.x
        middle = (x1 + x2) / 2
        y1, y2 = starts[edge], ends[edge]
        found.append(
            Ribbon(
                id_of(f"{edge.source}-{edge.target}"),
                edge,
                f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}",
                round(widths[edge], 1),
                _speed(edge, fastest),
                _words(edge, source.node, target.node),
                target.href if ":stop:" in edge.target else "",
            )
        )
    return found


def _ports(
    edges: Sequence[Edge], boxes: dict[str, Box], widths: dict[Edge, float], *, at_source: bool
) -> dict[Edge, float]:
    """Where each edge meets its node, in the order in which their other ends stand."""
    met: dict[str, list[Edge]] = defaultdict(list)
    for each in edges:
        met[each.source if at_source else each.target].append(each)
    found: dict[Edge, float] = {}
    for key, mine in met.items():
        box = boxes[key]
        mine.sort(key=lambda each: boxes[each.target if at_source else each.source].y)
        y = box.y + (box.height - sum(widths[each] + 1 for each in mine)) / 2
        for each in mine:
            found[each] = y + (widths[each] + 1) / 2
            y += widths[each] + 1
    return found


def _speed(edge: Edge, fastest: float) -> int:
    if not edge.rate:
        return 0
    return 1 + sum(edge.rate >= fastest * share for share in (0.2, 0.6))


def _words(edge: Edge, source: Node, target: Node) -> str:
    said = []
    if edge.rate:
        said.append(f"{edge.rate:,.1f} attempts a second")
    if edge.trouble:
        said.append(f"{edge.trouble / edge.rate:.0%} put off or refused")
    if edge.messages:
        said.append(f"{edge.messages:,} {'wait' if target.cause else 'in hand'}")
    return f"{source.label} to {target.label}: {', '.join(said) or 'nothing now'}"
