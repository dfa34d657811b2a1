"""The store after each commit, compared with what it was before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.simulation.invariants.scene import Scene
from lab.simulation.process import SimulatedProcess
from lab.simulation.store import HEARTBEATS
from store import audit, modules
from store.observing import Change, Delivery, Message, Part
from store.parts import LEASED

# They change nothing that an invariant is about.
_NO_NEWS: Final[frozenset[object]] = HEARTBEATS | {
    audit.note,
    modules.announce_worker,
    modules.announce_instance,
    modules.announce_module,
    modules.stop_taking,
}


@dataclass(slots=True)
class Lease:
    """A part in a worker's hand, with the messages that were pending when it was lent."""

    part: Part
    messages: Mapping[int, Message]
    began_at: float


@dataclass(frozen=True, slots=True)
class Step:
    """One commit."""

    operation: object
    process: SimulatedProcess | None  # whose; None: the experimenter's
    changes: Sequence[Change]
    began: Sequence[Lease]
    ended: Sequence[Lease]
    before: Mapping[int, Part]
    held_before: Mapping[int, Lease]  # by part


class Books:
    """What the store says now, and what it said before the last commit."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._observer = scene, scene.observer
        self.parts: dict[int, Part] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.leases: dict[int, Lease] = {}  # by part
        self.messages: dict[int, Message] = {}  # as they were when last lent
        self.holder: dict[int, Lease] = {}  # by message
        self.pid_of: dict[int, int] = {}  # by worker
        self._last_change = 0

    def is_news(self, operation: object) -> bool:
        """Whether an operation can have changed anything that is looked at."""
        return operation not in _NO_NEWS

    def step(self, operation: object, process: SimulatedProcess | None) -> Step:
        """Look at what was committed."""
        look = self._observer
        changes = look.changes(self._last_change)
        if changes:
            self._last_change = changes[-1].id
        before, held_before = self.parts, dict(self.leases)
        self.parts = {each.id: each for each in look.parts()}
        self.deliveries = {each.id: each for each in look.deliveries()}
        lent = {each.id: each for each in self.parts.values() if each.state == LEASED}
        ended = [
            lease
            for number, lease in self.leases.items()
            if number not in lent or _key(lent[number]) != _key(lease.part)
        ]
        for lease in ended:
            del self.leases[lease.part.id]
            for number in lease.messages:
                if self.holder.get(number) is lease:
                    del self.holder[number]
        began = self._began([each for number, each in lent.items() if number not in self.leases])
        return Step(operation, process, changes, began, ended, before, held_before)

    def _began(self, parts: Sequence[Part]) -> list[Lease]:
        if not parts:
            return []
        if any(each.worker_id not in self.pid_of for each in parts):
            self.pid_of = {each.id: each.pid for each in self._observer.workers()}
        found: dict[int, dict[int, Message]] = {each.id: {} for each in parts}
        for message in self._observer.pending_in(list(found)):
            assert message.part_id is not None
            found[message.part_id][message.id] = message
            self.messages[message.id] = message
        leases = [Lease(each, found[each.id], self._scene.at) for each in parts]
        for lease in leases:
            self.leases[lease.part.id] = lease
            for number in lease.messages:
                self.holder[number] = lease
        return leases

    def process_of(self, worker_id: int | None) -> SimulatedProcess | None:
        """The process of a worker."""
        pid = self.pid_of.get(worker_id or 0)
        return None if pid is None else self._scene.sim.machines.processes[pid]


def _key(part: Part) -> tuple[int, int | None]:
    return part.epoch, part.worker_id


def total(messages: Iterable[Lease]) -> int:
    """How many messages were lent with these."""
    return sum(len(each.messages) for each in messages)
