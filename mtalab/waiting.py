"""Waiting for what a lab does, and what is said when it takes too long."""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from lab.background import Running
from lab.configuration import Loaded
from monitor.status import status
from mtalab.errors import DidNotArrive, NotOver
from mtalab.results import Delivery
from store.engine import Store
from world.clock import Clock

LOOK_EVERY_S: Final = 0.1  # a look costs the store a millisecond or two
_Found = TypeVar("_Found")


def until(
    look: Callable[[], _Found | None], within_s: float, clock: Clock, running: Running | None
) -> _Found | None:
    """What there was to see in time, or None; what ended our processes meanwhile is raised."""
    deadline = clock.monotonic() + within_s
    while (found := look()) is None and clock.monotonic() < deadline:
        if running is not None:
            running.pause(LOOK_EVERY_S)
        else:
            threading.Event().wait(LOOK_EVERY_S)
    return found


def not_over(
    store: Store, loaded: Loaded, clock: Clock, delivery: Delivery, within_s: float
) -> NotOver:
    """The error about a delivery that goes on, with what its messages wait for."""
    queues = status(store, loaded.configuration, clock.now(), ()).queues
    waits = [
        f"{each.messages} to {each.mx_group}: {each.cause}"
        for each in queues
        if each.delivery_id == delivery.id
    ]
    pending = delivery.counts["pending"]
    head = (
        f"delivery {delivery.id} is {delivery.status} after {within_s:g} s, with {pending} of "
        f"{delivery.messages} messages pending"
    )
    return NotOver(
        "\n  ".join([head, *waits]),
        remedy="Wait longer with within_s, or mend what they wait for.",
    )


def did_not_arrive(there: int, wanted: int, within_s: float) -> DidNotArrive:
    """The error about mail that the sinks do not have."""
    return DidNotArrive(
        f"{there} of {wanted} messages arrived within {within_s:g} s",
        remedy="inbox() shows what did; receipts/SINK.refusals.jsonl has what was refused.",
    )
