"""Expiry holds in every state, and when faults end, everything due is finished."""

from collections.abc import Collection
from typing import Final

from affinity.lane import limits_of_group
from affinity.route import Routes
from lab.configuration import LabConfiguration
from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.violation import Invariant
from mail.states import DeliveryStatus, MessageStatus

_HOUSE_S: Final = 1.0  # the scheduler looks for what is late every 0.2 s; ends at the next tick
_OVER: Final = (
    DeliveryStatus.FINISHED,
    DeliveryStatus.CANCELLED,
    DeliveryStatus.FAILED,
    DeliveryStatus.EDITING,
    DeliveryStatus.READY,
)


def settled_within_s(configuration: LabConfiguration) -> float:
    """How long after its validity a message may be pending while a scheduler runs.

    In a worker's hand until that has held it too long; on its way for as long as a receiver may
    take to answer; and that worker may die then, which is noticed a lease later.
    """
    routes = Routes(configuration.route)
    limits = [limits_of_group(configuration, routes, name) for name in configuration.route]
    slowest = max(
        (each.connect_timeout + each.greeting_timeout + each.data_timeout for each in limits),
        default=0.0,
    )
    pace = configuration.scheduler
    return pace.hold + 2 * pace.lease + slowest + _HOUSE_S


class Ends:
    """What is late, and what is left at the end."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def nothing_is_late(self, well_since: float) -> None:
        """Nothing is pending past its validity, given that all has been well since then."""
        now = self._scene.sim.now()
        bound = settled_within_s(self._scene.version.configuration)
        late = self._scene.observer.late(now - bound)
        if late and self._scene.at - well_since > bound:
            numbers = [each.id for each in late]
            self._scene.violated(
                Invariant.EXPIRY,
                f"messages {numbers} are pending {bound:g} s after the end of their validity",
            )

    def all_were_tried(self, delivery_ids: Collection[int]) -> None:
        """Of these deliveries, submitted when all was well, whatever could go was tried."""
        version, look = self._scene.version, self._scene.observer
        configuration = version.configuration
        served = {name for mta in configuration.mta.values() for name in mta.affinities}
        by_id = {each.id: each for each in look.deliveries()}
        for message in look.messages():
            affinity = by_id[message.delivery_id].affinity
            if (
                message.delivery_id not in delivery_ids
                or message.attempts
                or affinity not in served
            ):
                continue
            ips = configuration.affinity[affinity].ip
            if any(version.admits(affinity, each.address, message.domain) for each in ips):
                self._scene.violated(
                    Invariant.LIVENESS,
                    f"message {message.id} to {message.domain} was never tried, although nothing "
                    "was in its way",
                )

    def at_end(self) -> None:
        """All is over, long after the last validity."""
        left = [
            f"message {each.id} (part {each.part_id})"
            for each in self._scene.observer.messages()
            if each.status == MessageStatus.PENDING
        ]
        left += [
            f"delivery {each.id} is {each.status}"
            for each in self._scene.observer.deliveries()
            if each.status not in _OVER
        ]
        left += [
            f"part {each.id} is {each.state}"
            for each in self._scene.observer.parts()
        ]  # fmt: skip
        if left:
            self._scene.violated(Invariant.LIVENESS, f"not finished: {', '.join(left)}")
