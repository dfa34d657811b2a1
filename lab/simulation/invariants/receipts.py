"""Nothing is sent without a receipt, no receipt is lost, nothing is received twice without a cause.

The one cause: what the receiver said after it wrote its receipt was never read. The wire knows of
each such reply. (Two more on command: a worker that dies between two instructions with a reply in
hand, and a journal that could not be written.)
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.statuses import Statuses
from lab.simulation.invariants.violation import Invariant
from lab.simulation.wire import Unheard
from mail.message_id import parse_return_path
from mail.states import MessageEvent, MessageStatus
from store.observing import Change
from store.transitions import Outcome

_SAME_S: Final = 1e-6
_REFUSALS: Final = ".refusals.jsonl"
_RECEIPTS: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class Received:
    """A receipt."""

    at: float  # virtual seconds
    source_ip: str
    place: str
    late_s: float  # how long its reply may take to be said


class Receipts:
    """What the sinks wrote down, against what the store says."""

    def __init__(self, scene: Scene, statuses: Statuses) -> None:
        self._scene, self._statuses = scene, statuses
        self.received: dict[int, list[Received]] = defaultdict(list)  # by message
        self._accepted: dict[int, int] = defaultdict(int)  # by message: outcomes that say so
        self._unwritten: set[int] = set()  # messages whose outcome did not fit into a journal
        self._stray = 0

    def written(self, path: Path, piece: bytes) -> None:
        """A sink wrote to one of its files."""
        if path.parent.name != "receipts" or path.name.endswith(_REFUSALS):
            return
        line = orjson.loads(piece)
        mark = parse_return_path(line["mail_from"])
        if mark is None:
            self._stray += 1
            return
        sink = self._scene.version.configuration.sink[path.name.removesuffix(_RECEIPTS)]
        at = self._scene.at
        found = Received(at, line["peer_ip"], sink.listen, self._late_s(sink.personality))
        self.received[mark.message_id].append(found)

    def _late_s(self, personality: str) -> float:
        """A reply that trickles is said long after it began."""
        own = self._scene.version.configuration.personality.get(personality)
        is_slow = own is not None and (
            own.tarpit is not None or any(each.said for each in own.stall)
        )
        return 60.0 if is_slow else 0.0

    def unwritten(self, outcomes: Sequence[Outcome]) -> None:
        """A worker could not journal these; its memory has them, or nobody."""
        self._unwritten.update(each.message_id for each in outcomes)

    def see(self, changes: Sequence[Change]) -> None:
        for each in changes:
            if each.event == MessageEvent.ACCEPTED:
                self._accepted[each.message_id] += 1
                if len(self.received[each.message_id]) < self._accepted[each.message_id]:
                    self._scene.violated(
                        Invariant.SENT_IS_RECEIVED,
                        f"message {each.message_id} is sent, and no sink has a receipt of it",
                    )

    def at_end(self) -> None:
        """Every receipt has its outcome, or its reply was not read."""
        for number, receipts in sorted(self.received.items()):
            missing = len(receipts) - self._accepted[number]
            if missing <= 0 or number in self._unwritten:
                continue
            excused = sum(self._was_unheard(each) for each in receipts)
            if excused < missing:
                status, _ = self._statuses.standing.get(number, (MessageStatus.PENDING, 0))
                is_lost = status != MessageStatus.SENT
                times = ", ".join(f"{each.at:.3f} s by {each.source_ip}" for each in receipts)
                self._scene.violated(
                    Invariant.NO_RECEIPT_LOST if is_lost else Invariant.TWICE_ONLY_UNHEARD,
                    f"message {number} is {status}; it was received at {times}, and "
                    f"{missing - excused} of these replies were read",
                )
        found = self._scene.sim.reconciliation()
        if found.lost.count or self._stray or found.foreign:
            self._scene.violated(
                Invariant.SENT_IS_RECEIVED,
                f"{found.lost.samples} are sent without a receipt; {found.foreign} receipts are "
                "nobody's",
            )

    def _was_unheard(self, receipt: Received) -> bool:
        return any(_is_of(each, receipt) for each in self._scene.sim.wire.unheard)


def _is_of(unheard: Unheard, receipt: Received) -> bool:
    is_same = (unheard.source_ip, unheard.place) == (receipt.source_ip, receipt.place)
    until = unheard.at + _SAME_S
    return is_same and unheard.since - receipt.late_s - _SAME_S <= receipt.at <= until
