"""Spreads queued parts over source IPs, lanes and workers. ``docs/scheduler.md`` is its paper.

In short: each stream names the source IP that its next part is to leave from (weights); on each
lane the streams that named it take turns (priority, then fairness); the one whose turn it is gets
a worker with room, or holds the lane until there is room. What cannot go stays queued.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from affinity.configuration import Pace
from scheduler.decide.admit import admit
from scheduler.decide.allot import Allotment, next_ip, used
from scheduler.decide.fair_share import Turn, Turns
from scheduler.decide.room import LaneInUse, Room
from scheduler.decide.snapshot import QueuedPart, Rules, Snapshot, StreamKey
from scheduler.decide.stream import OnIp, Stream


@dataclass(frozen=True, slots=True)
class Grant:
    """A part is to be leased to this worker, to leave from this source IP."""

    part_id: int
    delivery_id: int
    worker_id: int
    source_ip: str
    lane_key: str
    mx_group: str
    messages: int | None = None  # so many of it, as its quotas have room for; None: all


@dataclass(frozen=True, slots=True)
class Memory:
    """What one round tells the next. Losing it costs nobody more than one turn."""

    allotments: Mapping[StreamKey, Allotment] = field(default_factory=dict)
    on_ip: Mapping[OnIp, Turn[int]] = field(default_factory=dict)
    on_lane: Mapping[tuple[str, int], Turn[StreamKey]] = field(default_factory=dict)
    refused_since: Mapping[str, float] = field(default_factory=dict)  # by lane key, epoch seconds
    given: Mapping[int, int] = field(default_factory=dict)  # messages by worker, breaks ties


def spread(
    snapshot: Snapshot, rules: Rules, pace: Pace, memory: Memory
) -> tuple[list[Grant], Memory]:
    """The leases to make now, in the order of their turns, and the memory for the next round.

    Deterministic: the same arguments give the same answer. Cost: a few steps per part granted,
    plus one pass over the parts and the lanes.
    """
    room = Room(snapshot, rules, pace, memory.given)
    parts = snapshot.parts
    if pace.max_deliveries is not None:
        parts = admit(parts, snapshot.running, pace.max_deliveries, room.has_way)
    turn = _Round(snapshot.now, rules, pace, memory, room)
    return turn.run(_streams(parts))


def _streams(parts: Iterable[QueuedPart]) -> list[Stream]:
    found: dict[StreamKey, list[QueuedPart]] = {}
    for part in sorted(parts, key=lambda part: part.part_id):
        found.setdefault((part.affinity, part.mx_group, part.source_ips), []).append(part)
    return [Stream(key, members) for key, members in found.items()]


@dataclass(slots=True)
class _Aim:
    """The way that a stream's next part is to go."""

    stream: Stream
    part: QueuedPart
    source_ip: str
    lane: LaneInUse
    charge: int  # messages that it counts for

    @property
    def place(self) -> tuple[str, int]:
        """Where it takes its turn."""
        return (self.lane.lane.key, self.part.priority)


class _Round:
    """One round at work."""

    def __init__(self, now: float, rules: Rules, pace: Pace, memory: Memory, room: Room) -> None:
        self._now, self._rules, self._pace, self._room = now, rules, pace, room
        self._memory = memory
        self._allotments = dict(memory.allotments)
        self._refused_since = dict(memory.refused_since)
        self._turns: dict[tuple[str, int], Turns[StreamKey]] = {}
        self._waiting: dict[str, dict[StreamKey, _Aim]] = {}  # by lane, those not yet refused
        self._avoided: dict[StreamKey, dict[str, _Aim]] = {}  # by source IP, those that are stuck
        self._grants: list[Grant] = []

    def run(self, streams: Sequence[Stream]) -> tuple[list[Grant], Memory]:
        for stream in streams:
            self._aim(stream)
        while self._waiting:
            # One turn a lane, then the next lane: no lane takes all the idle workers first.
            for lane_key in list(self._waiting):
                self._serve(lane_key)
        return self._grants, self._remember(streams)

    def _aim(self, stream: Stream) -> _Aim | None:
        """Name the source IP of the stream's next part and queue up at its lane."""
        if stream.is_empty or not self._rules.has_route(stream.mx_group):
            return None
        avoided = self._avoided.get(stream.key, ())
        weights: dict[str, float] = {}
        for source_ip, weight in self._rules.weights(stream.affinity).items():
            if source_ip in stream.admitted and source_ip not in avoided:
                lane = self._room.lane(source_ip, stream.mx_group)
                if self._room.is_available(stream.affinity, source_ip, lane):
                    weights[source_ip] = weight
        state = self._allotments.get(stream.key, Allotment())
        chosen = next_ip(state, weights, stream.largest)
        if chosen is None:
            return None
        # Kept even if the part is refused: it waits for this IP, and keeps its place there.
        source_ip, self._allotments[stream.key] = chosen
        lane = self._room.lane(source_ip, stream.mx_group)
        charge = self._room.charge(stream.affinity, source_ip, lane)
        part = stream.next_part(source_ip, self._memory.on_ip, charge)
        aim = _Aim(stream, part, source_ip, lane, charge(part.size))
        turns = self._turns.get(aim.place)
        if turns is None:
            before = self._memory.on_lane.get(aim.place, Turn())
            turns = self._turns[aim.place] = Turns(before)
        turns.come(stream.key)
        self._waiting.setdefault(aim.lane.lane.key, {})[stream.key] = aim
        return aim

    def _serve(self, lane_key: str) -> None:
        """Let the one whose turn it is on the lane go, or hold the lane for it."""
        waiting = self._waiting[lane_key]
        aim = min(waiting.values(), key=self._place_in_line)
        del waiting[aim.stream.key]
        if not waiting:
            del self._waiting[lane_key]
        affinity = aim.stream.affinity
        if not self._room.is_available(affinity, aim.source_ip, aim.lane):
            self._aim_anew(aim)  # what went before it has spent the lane's budget
            return
        size = self._room.portion(affinity, aim.source_ip, aim.lane, aim.part.size)
        worker = self._room.taker(affinity, aim.source_ip, aim.lane, size)
        if worker is None:
            self._refuse(aim)
        else:
            self._grant(aim, worker, size)

    def _place_in_line(self, aim: _Aim) -> tuple[int, float, int]:
        tag = self._turns[aim.place].tag(aim.stream.key, aim.charge, aim.stream.deliveries)
        return (-aim.part.priority, tag, aim.part.part_id)

    def _grant(self, aim: _Aim, worker: int, size: int) -> None:
        part, stream = aim.part, aim.stream
        lane_key = aim.lane.lane.key
        self._grants.append(
            Grant(
                *(part.part_id, part.delivery_id, worker, aim.source_ip, lane_key, part.mx_group),
                None if size == part.size else size,
            )
        )
        self._turns[aim.place].serve(stream.key, aim.charge, stream.deliveries)
        self._room.take(stream.affinity, aim.source_ip, aim.lane, worker, size)
        stream.take(part, aim.source_ip)
        allotment = self._allotments[stream.key]
        self._allotments[stream.key] = used(allotment, aim.source_ip, aim.charge)
        self._refused_since.pop(lane_key, None)
        for other in self._avoided.get(stream.key, {}).values():
            self._turns[other.place].leave(stream.key)
        self._aim_anew(aim)

    def _aim_anew(self, old: _Aim) -> None:
        new = self._aim(old.stream)
        if new is None or new.place != old.place:
            self._turns[old.place].leave(old.stream.key)

    def _refuse(self, aim: _Aim) -> None:
        """No room: nobody overtakes, and the stream waits, unless the lane has long been stuck."""
        lane_key = aim.lane.lane.key
        self._room.close(aim.stream.affinity, aim.source_ip, aim.lane)
        since = self._refused_since.setdefault(lane_key, self._now)
        if self._now - since >= self._pace.lease:
            self._avoided.setdefault(aim.stream.key, {})[aim.source_ip] = aim
            self._aim(aim.stream)

    def _remember(self, streams: Sequence[Stream]) -> Memory:
        on_ip: dict[OnIp, Turn[int]] = {}
        for stream in streams:
            on_ip.update(stream.keep(self._memory.on_ip))
        on_lane = {place: turns.keep() for place, turns in self._turns.items()}
        return Memory(
            # Kept while a stream is empty too: many small deliveries share the weights over time.
            allotments={
                key: state for key, state in self._allotments.items() if self._rules.weights(key[0])
            },
            on_ip=on_ip,
            on_lane={place: turn for place, turn in on_lane.items() if turn.bases},
            refused_since={
                key: since for key, since in self._refused_since.items() if self._room.is_held(key)
            },
            given=self._room.given,
        )
