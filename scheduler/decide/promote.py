"""Which deliveries take part in the round, and which are done."""

from typing import Final

from mail.states import DeliveryStatus

_WAITING_OR_RUNNING: Final = frozenset({DeliveryStatus.START_PENDING, DeliveryStatus.IN_PROGRESS})


def is_due(status: DeliveryStatus, contact_at: float, now: float) -> bool:
    """Whether its parts may be leased: confirmed, not paused, and its contact date has come."""
    return status in _WAITING_OR_RUNNING and contact_at <= now


def is_finished(status: DeliveryStatus, pending: int) -> bool:
    """Whether it is complete: confirmed, and none of its messages is pending any more.

    A paused delivery whose last messages were in flight finishes too.
    """
    return pending == 0 and (status in _WAITING_OR_RUNNING or status is DeliveryStatus.PAUSED)
