"""What leaves: by an IP that its affinity allows, within its validity, within its lane's limits."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from affinity.gcra import TICKS_PER_S, Gcra
from affinity.lane import Limits, lane_of
from affinity.rate import Rate
from affinity.slots import SLOT_S, SLOTS_TOUCHED, Slots
from lab.simulation.invariants.books import Books
from lab.simulation.invariants.leases import Leases
from lab.simulation.invariants.scene import FOLLOWED_WITHIN_S, Scene
from lab.simulation.invariants.violation import Invariant
from lab.simulation.process import State
from lab.simulation.transport import End

_MAIL: Final = re.compile(rb"MAIL FROM:<bounce\+(\d+)-(\d+)(?:-[a-z2-7]+)?@")
_TICK_S: Final = 4 / TICKS_PER_S  # a limiter reckons in ticks
_STOPPED_MAX_S: Final = 60.0
_SETTLES_S: Final = 30.0  # a changed limit: who holds connections or parts by the old one is done


class Leaving:
    """Told of each connection and of each MAIL as it leaves its worker."""

    def __init__(self, scene: Scene, books: Books, leases: Leases) -> None:
        self._scene, self._books, self._leases = scene, books, leases
        self._lanes: dict[str, _Rated] = {}
        self.attempted: dict[int, int] = defaultdict(int)  # by message

    def said(self, end: End, data: bytes) -> None:
        """A client wrote this."""
        process = end.owner
        if process is None or b"MAIL FROM" not in data:
            return
        source_ip = end.get_extra_info("sockname")[0]
        for found in _MAIL.finditer(data):
            delivery_id, message_id = int(found[1]), int(found[2])
            self.attempted[message_id] += 1
            self._leases.says_mail(message_id, process)
            self._by_allowed_ip(delivery_id, message_id, source_ip)
            self._within_validity(delivery_id, message_id)
            self._within_rate(message_id, source_ip)

    def _by_allowed_ip(self, delivery_id: int, message_id: int, source_ip: str) -> None:
        delivery = self._books.deliveries.get(delivery_id)
        message = self._books.messages.get(message_id)
        if delivery is None or message is None:
            return  # nobody holds it, which says_mail has told
        # Who was stopped has had no time to read the file.
        since = self._scene.at - self._scene.sim.machines.resumed_at
        within_s = FOLLOWED_WITHIN_S if since > 2 * FOLLOWED_WITHIN_S else _STOPPED_MAX_S
        if not any(
            each.admits(delivery.affinity, source_ip, message.domain)
            for each in self._scene.lately(within_s)
        ):
            self._scene.violated(
                Invariant.ALLOWED_IP,
                f"message {message_id} to {message.domain} leaves by {source_ip}, which affinity "
                f"{delivery.affinity!r} does not allow",
            )

    def _within_validity(self, delivery_id: int, message_id: int) -> None:
        delivery = self._books.deliveries.get(delivery_id)
        now = self._scene.sim.now() - self._scene.skewed_s
        if delivery is not None and now >= delivery.expires_at:
            self._scene.violated(
                Invariant.EXPIRY,
                f"message {message_id} is sent {now - delivery.expires_at:.3f} s after the end of "
                "its validity",
            )

    def _within_rate(self, message_id: int, source_ip: str) -> None:
        message = self._books.messages.get(message_id)
        if message is None:
            return
        group = self._scene.version.routes.group_of(message.domain)
        limits = self._scene.version.limits_of(group)
        lane = str(lane_of(source_ip, group, limits))
        rated = self._lanes.get(lane)
        if rated is None or rated.rate != limits.rate:
            rated = self._lanes[lane] = _Rated(limits.rate)
        if self._is_settled(group) and not rated.admits(
            self._scene.sim.now(), 2 * self._scene.skewed_s + _TICK_S
        ):
            self._scene.violated(
                Invariant.RATE,
                f"message {message_id} leaves on lane {lane} before {limits.messages_per_hour} "
                f"messages an hour ({limits.pacing}) allow it",
            )

    def _is_settled(self, group: str) -> bool:
        """Whether its limits have been the same for so long that everybody goes by them."""
        now = self._scene.version.limits_of(group)
        return all(each.limits_of(group) == now for each in self._scene.lately(_SETTLES_S))

    def opened(self, source_ip: str, place: str) -> None:
        """A client has connected."""
        group = self._scene.version.group_at.get(place)
        if group is None:
            return
        limits = self._scene.version.limits_of(group)
        most = limits.max_connections
        if most is None or not self._is_settled(group):
            return
        there = self._open(group, limits, source_ip)
        if there > most:
            self._scene.violated(
                Invariant.CONNECTIONS,
                f"{there} connections of lane {lane_of(source_ip, group, limits)}, which may have "
                f"{most}",
            )

    def _open(self, group: str, limits: Limits, source_ip: str) -> int:
        group_at = self._scene.version.group_at
        return sum(
            group_at.get(place) == group
            and (limits.shared or end.get_extra_info("sockname")[0] == source_ip)
            and not _is_left_by_one_elsewhere(end)
            for end, place in self._scene.sim.wire.open.values()
        )


def _is_left_by_one_elsewhere(end: End) -> bool:
    """Nobody here can end a process of another host: a stopped one keeps its connections."""
    owner = end.owner
    return owner is not None and owner.is_elsewhere and owner.state is State.STOPPED


@dataclass(slots=True)
class _Rated:
    """A limit held against the times at which messages left. Reckoned anew, not by the limiter."""

    rate: Rate | None
    due: float = 0.0  # when the next one would be due if they came evenly
    slot: int = -1
    in_slot: int = 0

    def admits(self, now: float, slack_s: float) -> bool:
        """Count one more message."""
        match self.rate:
            case Gcra(interval_s, tolerance_s):
                is_due = now >= self.due - tolerance_s - slack_s
                self.due = max(self.due, now) + interval_s
                return is_due
            case Slots(messages_per_hour):
                slot = int(now // SLOT_S)
                self.in_slot = self.in_slot + 1 if slot == self.slot else 1
                self.slot = slot
                is_early = now - slot * SLOT_S < slack_s
                first, end = (
                    each * messages_per_hour // SLOTS_TOUCHED for each in (slot, slot + 1)
                )
                return is_early or self.in_slot <= end - first
            case _:
                return True
