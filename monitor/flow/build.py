"""From facts to the picture: pure. What enters a column leaves it, or ends in a stop."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from typing import Final

from monitor.flow.facts import Facts
from monitor.flow.graph import COLUMNS, Column, Edge, Flow, Node, State
from monitor.flow.names import Names, stop_of
from monitor.flow.streams import Stream, streams
from monitor.why.finding import Finding

MOST: Final = 8  # nodes of a column; what is more is one node together
STOPS_MOST: Final = 4
_BAD_SHARE: Final = 0.5  # of attempts: from here on a way fails


@dataclass(slots=True)
class Sum:
    """What goes through a node, or along an edge."""

    messages: int = 0
    attempts: float = 0.0
    trouble: float = 0.0
    states: set[State] = field(default_factory=set)

    def add(self, other: "Stream | Sum") -> None:
        self.messages += other.messages
        self.attempts += other.attempts
        self.trouble += other.trouble

    @property
    def state(self) -> State:
        found = {*self.states, self._of_numbers()}
        return max(found, key=list(State).index)

    def _of_numbers(self) -> State:
        if self.attempts and self.trouble > self.attempts * _BAD_SHARE:
            return State.FAILING
        if self.attempts:
            return State.FLOWING
        return State.WAITING if self.messages else State.IDLE


Place = tuple[Column, str]  # of a thing: its column and its name there
Step = tuple[Place, Place]


def flow_of(facts: Facts) -> Flow:
    """The picture of the pipeline."""
    names = Names(facts)
    nodes, edges = _sums(facts)
    stops = [each for each in facts.findings if each.place != "in hand"]
    for finding in stops:
        _stop(finding, nodes, edges)
    for place, state in names.states():
        if place in nodes or state is not State.IDLE:
            nodes[place].states.add(state)
    for step in _at_rest(facts):
        for place in step:
            nodes[place].states.add(State.IDLE)
        edges[step].states.add(State.IDLE)
    shown = _shown(nodes)
    return Flow(
        facts.at,
        facts.window_s,
        tuple(_nodes(nodes, shown, names, facts.window_s)),
        tuple(_edges(edges, shown, facts.window_s)),
    )


def _sums(facts: Facts) -> tuple[dict[Place, Sum], dict[Step, Sum]]:
    nodes: dict[Place, Sum] = defaultdict(Sum)
    edges: dict[Step, Sum] = defaultdict(Sum)
    for each in facts.deliveries:
        nodes["delivery", str(each.id)].states.add(State.IDLE)
    for stream in streams(facts):
        way = _places(stream)
        for place in way:
            nodes[place].add(stream)
        for step in pairwise(way):
            edges[step].add(stream)
    return nodes, edges


def _places(stream: Stream) -> tuple[Place, ...]:
    found = (
        str(stream.delivery_id), stream.lane, stream.instance, stream.source_ip, stream.mx_group,
    )  # fmt: skip
    return tuple(zip(COLUMNS, found, strict=True))


def _stop(finding: Finding, nodes: dict[Place, Sum], edges: dict[Step, Sum]) -> None:
    """Messages that come no further than their delivery."""
    start: Place = ("delivery", str(finding.delivery_id))
    end: Place = ("lane", stop_of(finding))
    state = State.BLOCKED if finding.blocked else State.WAITING
    if finding.cause is None:
        state = State.FLOWING  # it has its place in line
    for one in (nodes[start], nodes[end], edges[start, end]):
        one.messages += finding.messages
        one.states.add(state)


def _at_rest(facts: Facts) -> Iterator[Step]:
    """The ways that there are, whether anything goes along them or not."""
    for lane in facts.lanes:
        for instance in facts.instances:
            if set(lane.affinities) & set(instance.affinities):
                yield ("lane", lane.key), ("instance", instance.name)
                if lane.source_ip is not None:
                    yield ("instance", instance.name), ("source_ip", lane.source_ip)
        if lane.source_ip is not None:
            yield ("source_ip", lane.source_ip), ("destination", lane.mx_group)


def _shown(nodes: dict[Place, Sum]) -> dict[Place, str]:
    """The key of the node that each thing is shown by: its own, or that of the rest."""
    found: dict[Place, str] = {}
    for column in COLUMNS:
        mine = [place for place in nodes if place[0] == column]
        stops = [place for place in mine if place[1].startswith("stop:")]
        rest = [place for place in mine if place not in stops]
        room = MOST - min(len(stops), STOPS_MOST)
        for places, most, more in ((stops, STOPS_MOST, "stop:more"), (rest, room, "more")):
            chosen = _chosen(places, nodes, most)
            for place in places:
                found[place] = f"{column}:{place[1] if place in chosen else more}"
    return found


def _chosen(places: Sequence[Place], nodes: Mapping[Place, Sum], most: int) -> set[Place]:
    """Which are shown by themselves: what is busiest and what is blocked, in turn.

    So that neither many small ones that wait for a change hide the one that sends, nor the other
    way round.
    """
    if len(places) <= most:
        return set(places)
    busiest = sorted(places, key=lambda place: (-nodes[place].attempts, *_size(place, nodes)))
    stuck = [place for place in places if nodes[place].state is State.BLOCKED]
    stuck.sort(key=lambda place: _size(place, nodes))
    found: dict[Place, None] = {}
    for pair in zip_longest(busiest, stuck):
        found.update(dict.fromkeys(place for place in pair if place is not None))
    return set(list(found)[: most - 1])


def _size(place: Place, nodes: Mapping[Place, Sum]) -> tuple[int, str]:
    return -nodes[place].messages, place[1].zfill(12)


def _nodes(
    nodes: dict[Place, Sum], shown: dict[Place, str], names: Names, window_s: float
) -> Iterator[Node]:
    together: dict[str, Sum] = defaultdict(Sum)
    members: dict[str, list[Place]] = defaultdict(list)
    for place, one in nodes.items():
        key = shown[place]
        together[key].add(one)
        together[key].states |= one.states
        members[key].append(place)
    order = {key: number for number, key in enumerate(_in_order(members))}
    for key in sorted(members, key=order.__getitem__):
        mine, one = members[key], together[key]
        column = mine[0][0]
        yield Node(
            key,
            column,
            names.label(key, mine),
            names.detail(key, mine, one.messages, one.attempts / window_s),
            _state_of(key, one),
            one.messages,
            one.attempts / window_s,
            tuple(name for _, name in mine),
            names.cause(key, mine),
        )


def _state_of(key: str, one: Sum) -> State:
    """What moves of the rest is shown as moving; its ways to the stops say what does not."""
    return State.FLOWING if key.endswith(":more") and one.attempts else one.state


def _in_order(members: dict[str, list[Place]]) -> Iterable[str]:
    """By column, then by name, so that nothing changes its place as it comes and goes."""
    return sorted(
        members,
        key=lambda key: (
            COLUMNS.index(members[key][0][0]),
            key.partition(":")[2].startswith("stop:"),
            key.endswith(":more"),
            members[key][0][1].zfill(12),
        ),
    )


def _edges(edges: dict[Step, Sum], shown: dict[Place, str], window_s: float) -> Iterator[Edge]:
    together: dict[tuple[str, str], Sum] = defaultdict(Sum)
    for (start, end), one in edges.items():
        found = together[shown[start], shown[end]]
        found.add(one)
        found.states |= one.states
    for (source, target), one in sorted(together.items()):
        yield Edge(
            source, target, one.state, one.messages, one.attempts / window_s, one.trouble / window_s
        )
