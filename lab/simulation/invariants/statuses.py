"""Only legal transitions; attempts only grow; a final status is final."""

from collections.abc import Sequence
from typing import Final

from lab.simulation.invariants.books import Books, Step
from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.violation import Invariant
from mail.states import (
    DELIVERY_NEXT,
    MESSAGE_NEXT,
    DeliveryStatus,
    MessageEvent,
    MessageStatus,
)
from store.observing import Change

ATTEMPTS: Final = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)
_BY_HAND: Final = (MessageEvent.RETRIED_BY_HAND, MessageEvent.BOUNCED_LATER)
_AT_ONCE_MAX: Final = 3  # events of one delivery in one transaction


def _reachable() -> dict[str, set[str]]:
    """Delivery status → those after at most so many events as one transaction may hold."""
    found: dict[str, set[str]] = {str(each): {str(each)} for each in DeliveryStatus}
    for _ in range(_AT_ONCE_MAX):
        for reached in found.values():
            reached |= {str(to) for (status, _), to in DELIVERY_NEXT.items() if status in reached}
    return found


_REACHABLE: Final = _reachable()


class Statuses:
    """The chain of each message's transitions, and the status of each delivery."""

    def __init__(self, scene: Scene, books: Books) -> None:
        self._scene, self._books = scene, books
        self.standing: dict[int, tuple[str, int]] = {}  # message → status, attempts
        self._deliveries: dict[int, str] = {}

    def see(self, step: Step) -> None:
        for each in step.changes:
            self._follow(each)
        self._compare(step.changes)
        for delivery in self._books.deliveries.values():
            before = self._deliveries.get(delivery.id, DeliveryStatus.EDITING)
            if delivery.status not in _REACHABLE[before]:
                self._scene.violated(
                    Invariant.LEGAL_TRANSITIONS,
                    f"delivery {delivery.id} went from {before} to {delivery.status}",
                )
            self._deliveries[delivery.id] = delivery.status

    def _follow(self, change: Change) -> None:
        status, attempts = self.standing.get(change.message_id, (MessageStatus.PENDING, 0))
        event = MessageEvent(change.event)
        what = f"message {change.message_id}: {event} from {change.from_status}"
        if change.from_status != status:
            is_over = status != MessageStatus.PENDING
            self._scene.violated(
                Invariant.FINAL_IS_FINAL if is_over else Invariant.LEGAL_TRANSITIONS,
                f"{what}, but it was {status}",
            )
        if status != MessageStatus.PENDING and event not in _BY_HAND:
            self._scene.violated(Invariant.FINAL_IS_FINAL, what)
        after = MESSAGE_NEXT.get((MessageStatus(change.from_status), event))
        if after is None or after != change.to_status:
            self._scene.violated(Invariant.LEGAL_TRANSITIONS, f"{what} to {change.to_status}")
        attempts += event in ATTEMPTS
        if change.attempt != attempts:
            self._scene.violated(
                Invariant.ATTEMPTS_GROW, f"{what}: attempt {change.attempt}, expected {attempts}"
            )
        self.standing[change.message_id] = (change.to_status, attempts)

    def _compare(self, changes: Sequence[Change]) -> None:
        """The rows of those that changed say what their transitions say."""
        if not changes:
            return
        numbers = {each.message_id for each in changes}
        for row in self._scene.observer.messages(numbers):
            self._agree(row.id, row.status, row.attempts)

    def _agree(self, number: int, row_status: str, row_attempts: int) -> None:
        status, attempts = self.standing.get(number, (MessageStatus.PENDING, 0))
        what = f"message {number} is {row_status} after {row_attempts} attempts"
        expected = f"its transitions say {status} after {attempts}"
        if row_status != status:
            is_over = status != MessageStatus.PENDING
            self._scene.violated(
                Invariant.FINAL_IS_FINAL if is_over else Invariant.LEGAL_TRANSITIONS,
                f"{what}, {expected}",
            )
        if row_attempts != attempts:
            self._scene.violated(Invariant.ATTEMPTS_GROW, f"{what}, {expected}")

    def at_end(self) -> None:
        """All rows, those that no transition named among them."""
        for row in self._scene.observer.messages():
            self._agree(row.id, row.status, row.attempts)
