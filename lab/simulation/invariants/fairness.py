"""Fairness within its bound (``docs/scheduler.md``, "Whose turn").

Two deliveries of one priority that wait all the time in one stream differ, on each source IP, by at
most one part of each in what was lent to them since both began to wait. A race between two ends
whenever one of them waits no more or something lent to the stream comes back unsent: such a part
counts when it is lent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from lab.simulation.invariants.books import Books, Lease, Step
from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.violation import Invariant
from mail.states import DeliveryStatus
from store import leases
from store.observing import Delivery, Part
from store.parts import QUEUED

_LENDING: Final = (leases.lease_as_leader, leases.lease)
_ACTIVE: Final = (DeliveryStatus.START_PENDING, DeliveryStatus.IN_PROGRESS)

Stream = tuple[str, str, str]  # affinity, MX group, source IPs
Pair = tuple[int, int]


@dataclass(slots=True)
class _Race:
    """Two deliveries of one stream: what each was lent by a source IP since both wait."""

    lent: dict[str, dict[int, int]] = field(default_factory=dict)

    def lend(self, source_ip: str, delivery_id: int, messages: int) -> None:
        of_ip = self.lent.setdefault(source_ip, {})
        of_ip[delivery_id] = of_ip.get(delivery_id, 0) + messages


class Fairness:
    """The races that are on."""

    def __init__(self, scene: Scene, books: Books) -> None:
        self._scene, self._books = scene, books
        self._races: dict[tuple[Stream, Pair], _Race] = {}
        self._largest: dict[int, int] = {}  # delivery → its largest part so far

    def see(self, step: Step) -> None:
        if step.operation not in _LENDING:
            if self._is_disturbed(step):
                self._races.clear()
            return
        before = self._waiting(step.before)
        after = self._waiting(self._books.parts)
        pairs = {
            (stream, pair)
            for stream, delivery_ids in before.items()
            for pair in combinations(sorted(delivery_ids & after.get(stream, set())), 2)
            if self._are_rivals(pair)
        }
        self._races = {key: self._races.get(key, _Race()) for key in sorted(pairs)}
        for (stream, pair), race in self._races.items():
            for lease in step.began:
                if self._stream(lease.part) == stream and lease.part.delivery_id in pair:
                    self._lend(race, lease)
            self._judge(stream, pair, race)

    def _is_disturbed(self, step: Step) -> bool:
        """Whether turns begin anew: unsent parts came back, or the scheduler forgot."""
        return step.process is None or any(
            lease.part.id in self._books.parts and self._books.parts[lease.part.id].state == QUEUED
            for lease in step.ended
        )

    def forget(self) -> None:
        """The scheduler is another, or goes by another configuration: it remembers no turns."""
        self._races.clear()

    def _waiting(self, parts: Mapping[int, Part]) -> dict[Stream, set[int]]:
        """Stream → deliveries of which parts are queued and may be lent."""
        now, found = self._scene.sim.now(), dict[Stream, set[int]]()
        for part in parts.values():
            if part.state == QUEUED and self._is_ready(part.delivery_id, now):
                self._largest[part.delivery_id] = max(
                    self._largest.get(part.delivery_id, 0), part.size
                )
                found.setdefault(self._stream(part), set()).add(part.delivery_id)
        return found

    def _is_ready(self, delivery_id: int, now: float) -> bool:
        delivery = self._books.deliveries[delivery_id]
        is_time = delivery.contact_at <= now < delivery.expires_at
        return delivery.status in _ACTIVE and is_time

    def _stream(self, part: Part) -> Stream:
        delivery = self._books.deliveries[part.delivery_id]
        return delivery.affinity, part.mx_group, part.source_ips

    def _are_rivals(self, pair: Collection[int]) -> bool:
        rivals: list[Delivery] = [self._books.deliveries[each] for each in pair]
        return len({each.priority for each in rivals}) == 1

    def _lend(self, race: _Race, lease: Lease) -> None:
        part = lease.part
        self._largest[part.delivery_id] = max(self._largest.get(part.delivery_id, 0), part.size)
        race.lend(str(part.source_ip), part.delivery_id, part.size)

    def _judge(self, stream: Stream, pair: Pair, race: _Race) -> None:
        bound = sum(self._largest.get(each, 0) for each in pair)
        for source_ip, lent in race.lent.items():
            one, other = (lent.get(each, 0) for each in pair)
            if abs(one - other) > bound:
                self._scene.violated(
                    Invariant.FAIRNESS,
                    f"deliveries {pair[0]} and {pair[1]} wait for {stream[1]} by {source_ip}, and "
                    f"were lent {one} and {other} messages, which differ by more than {bound}",
                )
