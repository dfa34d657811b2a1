"""Queued parts that may go the same ways, and which of them goes next on a source IP.

A stream is what one affinity sends to one MX group from one set of admitted source IPs. All of its
parts can use the same workers, so that between its deliveries fairness is exact: one ``Turns`` for
each priority and source IP. For each IP, because deliveries that took turns over all IPs at once
would fall into step with the weighted choice: of two, one would always get the first IP.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heappop, heapreplace

from scheduler.decide.fair_share import Turn, Turns
from scheduler.decide.snapshot import QueuedPart, StreamKey

Charge = Callable[[int], int]  # size of a part → messages that it counts for
OnIp = tuple[StreamKey, int, str]  # stream, priority, source IP


class _Order:
    """The deliveries of one priority on one source IP: a heap by tag, put right when looked at."""

    __slots__ = ("_charge", "_heap", "turns")

    def __init__(
        self, queues: Mapping[int, deque[QueuedPart]], before: Turn[int], charge: Charge
    ) -> None:
        self.turns = Turns(before)
        self._charge = charge
        self._heap: list[tuple[float, int, int]] = []  # (tag, first part, delivery)
        for delivery, queue in queues.items():
            self.turns.come(delivery)
            self._heap.append(self._entry(delivery, queue[0]))
        heapify(self._heap)

    def _entry(self, delivery: int, head: QueuedPart) -> tuple[float, int, int]:
        return (self.turns.tag(delivery, self._charge(head.size)), head.part_id, delivery)

    def serve(self, part: QueuedPart) -> None:
        self.turns.serve(part.delivery_id, self._charge(part.size))

    def first(self, queues: Mapping[int, deque[QueuedPart]]) -> QueuedPart:
        while True:
            delivery = self._heap[0][2]
            if delivery not in queues:
                heappop(self._heap)
                continue
            entry = self._entry(delivery, queues[delivery][0])
            if self._heap[0] == entry:
                return queues[delivery][0]
            # The head went by another IP, or this one was served: its tag may have changed.
            heapreplace(self._heap, entry)


class Stream:
    """The queue of one stream during one round; only its highest priority is looked at."""

    def __init__(self, key: StreamKey, parts: Sequence[QueuedPart]) -> None:
        self.key = key
        self.affinity, self.mx_group, source_ips = key
        self.admitted = frozenset(source_ips)
        self._tiers: dict[int, dict[int, deque[QueuedPart]]] = {}
        self._largest: dict[int, int] = {}
        for part in parts:
            tier = self._tiers.setdefault(part.priority, {})
            tier.setdefault(part.delivery_id, deque()).append(part)
            self._largest[part.priority] = max(self._largest.get(part.priority, 0), part.size)
        self._falling = sorted(self._tiers)  # the last is the highest
        self._orders: dict[OnIp, _Order] = {}

    @property
    def is_empty(self) -> bool:
        return not self._falling

    @property
    def priority(self) -> int:
        """The highest among its parts."""
        return self._falling[-1]

    @property
    def deliveries(self) -> int:
        """How many deliveries wait at the highest priority."""
        return len(self._tiers[self.priority])

    @property
    def largest(self) -> int:
        """The size of the largest part that it had at this priority when the round began."""
        return self._largest[self.priority]

    def next_part(
        self, source_ip: str, before: Mapping[OnIp, Turn[int]], charge: Charge
    ) -> QueuedPart:
        """The part whose turn it is if the next one leaves from ``source_ip``.

        ``charge`` tells what a part of some size counts for there; it stays the same in a round.
        """
        at = (self.key, self.priority, source_ip)
        queues = self._tiers[self.priority]
        order = self._orders.get(at)
        if order is None:
            order = self._orders[at] = _Order(queues, before.get(at, Turn()), charge)
        return order.first(queues)

    def take(self, part: QueuedPart, source_ip: str) -> None:
        """Remove a part that ``next_part`` just named for this IP."""
        queues = self._tiers[part.priority]
        self._orders[self.key, part.priority, source_ip].serve(part)
        queue = queues[part.delivery_id]
        first = queue.popleft()
        assert first is part, "within a delivery parts go in their order"
        if not queue:
            del queues[part.delivery_id]
            for (_, priority, _), order in self._orders.items():
                if priority == part.priority:
                    order.turns.leave(part.delivery_id)
        if not queues:
            del self._tiers[self._falling.pop()]

    def keep(self, before: Mapping[OnIp, Turn[int]]) -> dict[OnIp, Turn[int]]:
        """The turns to remember: of deliveries that still wait, on all IPs asked now or before."""
        kept: dict[OnIp, Turn[int]] = {}
        for priority, queues in self._tiers.items():
            for source_ip in self.key[2]:
                at = (self.key, priority, source_ip)
                if at in self._orders:
                    kept[at] = self._orders[at].turns.keep()
                elif at in before:
                    turn = before[at]
                    bases = {who: base for who, base in turn.bases.items() if who in queues}
                    kept[at] = Turn(turn.clock, bases)
        return kept
