"""The head of the pages of one delivery: where it stands, what may be done to it, its tabs."""

from typing import Any, Final, NamedTuple

from lab.shapes.delivery import as_json
from lab.web.lab_here import LabHere
from mail.states import DELIVERY_NEXT, DeliveryEvent, DeliveryStatus, MessageStatus
from store import deliveries
from store.deliveries import Delivery


class Tab(NamedTuple):
    """One of the pages of a delivery; ``end`` of its path."""

    key: str
    end: str
    label: str


TABS: Final = (
    Tab("summary", "", "Summary"),
    Tab("content", "/content", "Content"),
    Tab("log", "/log", "Delivery log"),
    Tab("tracking", "/tracking", "Tracking"),
    Tab("audit", "/audit", "Audit"),
    Tab("pending", "/pending", "Pending"),
)


class Action(NamedTuple):
    """A button of the head; ``end`` of its path in the API, ``kind`` a class of its style."""

    label: str
    end: str
    done: str
    kind: str = ""
    confirm: str = ""


_ACTIONS: Final = (
    (DeliveryEvent.CONFIRMED, Action("Confirm", "confirm", "It is confirmed.", "primary",
                                     "Send this delivery?")),
    (DeliveryEvent.PAUSED, Action("Pause", "pause", "It is paused; what is in flight ends.")),
    (DeliveryEvent.RESUMED, Action("Resume", "resume", "It goes on.", "primary")),
    (DeliveryEvent.CANCELLED, Action("Cancel", "cancel", "It is cancelled.", "danger",
                                     "Cancel this delivery for good? Nothing more of it is sent.")),
)  # fmt: skip
_RETRIABLE: Final = (*deliveries.ACTIVE, DeliveryStatus.PAUSED, DeliveryStatus.FINISHED)


def actions_of(delivery: Delivery) -> list[Action]:
    """What the state machine allows an operator to do to it now."""
    found = [each for event, each in _ACTIONS if (delivery.status, event) in DELIVERY_NEXT]
    failed = delivery.counts.get(MessageStatus.FAILED, 0)
    if failed and delivery.status in _RETRIABLE:
        words = "message" if failed == 1 else "messages"
        ask = f"Make {failed:,} failed {words} pending again?"
        found.append(Action("Retry failed", "retry", "They are pending again.", "", ask))
    return found


def head_of(lab: LabHere, number: int, tab: str = "") -> dict[str, Any]:
    """What the templates of all its pages are told.

    Raises:
        UnknownDelivery: there is none of that number.
    """
    delivery = lab.read(deliveries.get, number)
    shown = as_json(delivery)
    left_out = shown["counts"][MessageStatus.IGNORED]
    return {
        "here": "deliveries",
        "title": f"{delivery.label} · delivery {delivery.id}",
        "delivery": delivery,
        "counts": shown["counts"],
        "rates": shown,
        "to_send": delivery.messages - left_out,
        "actions": [] if lab.is_kept else actions_of(delivery),
        "tabs": TABS,
        "tab": tab,
        "root": f"/deliveries/{delivery.id}",
    }
