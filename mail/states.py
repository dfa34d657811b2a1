"""The two state machines: how a message and a delivery may change, and in no other way.

Rules of this file: each machine is one table ``(status, event) -> status``; whatever is not in the
table is illegal, raises, and changes nothing. Only ``store/transitions.py`` and
``store/deliveries.py`` apply an event to a row, and each application leaves a row of its own.
``docs/state-machines.md`` is generated from these tables (``python -m tests.house.diagrams``).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from mail.errors import IllegalTransition


class MessageStatus(StrEnum):
    """Where one recipient's copy stands; a message in flight is still ``pending``."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    IGNORED = "ignored"
    CANCELLED = "cancelled"


class MessageEvent(StrEnum):
    """What may happen to a message. Workers fire the first three, the rest is the scheduler's."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    EXCLUDED = "excluded"  # quarantined, blocklisted or duplicate address
    WITHDRAWN = "withdrawn"  # an operator cancelled the delivery
    EXPIRED_UNTRIED = "expired_untried"
    EXPIRED_TRIED = "expired_tried"
    BOUNCED_LATER = "bounced_later"
    RETRIED_BY_HAND = "retried_by_hand"


_M, _E = MessageStatus, MessageEvent
MESSAGE_NEXT: Final[Mapping[tuple[MessageStatus, MessageEvent], MessageStatus]] = MappingProxyType(
    {
        (_M.PENDING, _E.ACCEPTED): _M.SENT,
        (_M.PENDING, _E.DEFERRED): _M.PENDING,
        (_M.PENDING, _E.REFUSED): _M.FAILED,
        (_M.PENDING, _E.EXCLUDED): _M.IGNORED,
        (_M.PENDING, _E.WITHDRAWN): _M.CANCELLED,
        (_M.PENDING, _E.EXPIRED_UNTRIED): _M.CANCELLED,
        (_M.PENDING, _E.EXPIRED_TRIED): _M.FAILED,
        (_M.SENT, _E.BOUNCED_LATER): _M.FAILED,
        (_M.FAILED, _E.RETRIED_BY_HAND): _M.PENDING,
    }
)


class DeliveryStatus(StrEnum):
    """Where a delivery stands. An unknown affinity is no failure: it stays ``start_pending``."""

    EDITING = "editing"
    READY = "ready"
    START_PENDING = "start_pending"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class DeliveryEvent(StrEnum):
    """What may happen to a delivery. Operators confirm, pause, resume, cancel."""

    ANALYSED = "analysed"
    ANALYSIS_FAILED = "analysis_failed"
    CONFIRMED = "confirmed"
    STARTED = "started"  # its first part was leased
    COMPLETED = "completed"  # no message of it is pending
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    REOPENED = "reopened"  # an operator retried failed messages


_D, _V = DeliveryStatus, DeliveryEvent
DELIVERY_NEXT: Final[Mapping[tuple[DeliveryStatus, DeliveryEvent], DeliveryStatus]] = (
    MappingProxyType(
        {
            (_D.EDITING, _V.ANALYSED): _D.READY,
            (_D.EDITING, _V.ANALYSIS_FAILED): _D.FAILED,
            (_D.READY, _V.CONFIRMED): _D.START_PENDING,
            (_D.START_PENDING, _V.STARTED): _D.IN_PROGRESS,
            (_D.START_PENDING, _V.COMPLETED): _D.FINISHED,
            (_D.IN_PROGRESS, _V.COMPLETED): _D.FINISHED,
            (_D.START_PENDING, _V.PAUSED): _D.PAUSED,
            (_D.IN_PROGRESS, _V.PAUSED): _D.PAUSED,
            (_D.PAUSED, _V.RESUMED): _D.START_PENDING,
            (_D.PAUSED, _V.COMPLETED): _D.FINISHED,
            (_D.READY, _V.COMPLETED): _D.FINISHED,
            (_D.READY, _V.CANCELLED): _D.CANCELLED,
            (_D.START_PENDING, _V.CANCELLED): _D.CANCELLED,
            (_D.IN_PROGRESS, _V.CANCELLED): _D.CANCELLED,
            (_D.PAUSED, _V.CANCELLED): _D.CANCELLED,
            (_D.FINISHED, _V.REOPENED): _D.START_PENDING,
        }
    )
)


def message_after(status: MessageStatus, event: MessageEvent) -> MessageStatus:
    """The status that follows; raises IllegalTransition when the table has no such arrow."""
    try:
        return MESSAGE_NEXT[status, event]
    except KeyError:
        raise IllegalTransition("message", status, event) from None


def delivery_after(status: DeliveryStatus, event: DeliveryEvent) -> DeliveryStatus:
    """The status that follows; raises IllegalTransition when the table has no such arrow."""
    try:
        return DELIVERY_NEXT[status, event]
    except KeyError:
        raise IllegalTransition("delivery", status, event) from None
