"""Events of the log as values, without a store."""

from mail.reason import Reason
from mail.states import MESSAGE_NEXT, MessageEvent
from store.log import Event, Transition

AT = 1_767_571_200.0  # Monday 2026-01-05, 00:00 UTC


def event(
    kind: MessageEvent, *, first: bool = True, submitted_at: float = AT - 60, **changes
) -> Event:
    """One event of message 42 of delivery 7."""
    start, after = next((each, to) for (each, what), to in MESSAGE_NEXT.items() if what is kind)
    given = {
        "id": 1000,
        "message_id": 42,
        "delivery_id": 7,
        "address": "ann@a.test",
        "at": AT,
        "event": str(kind),
        "from_status": start,
        "to_status": after,
        "attempt": 1,
        "reason": None,
        "failure": None,
        "mta": "m1",
        "worker_id": 3,
        "source_ip": "127.0.1.1",
        "code": 250,
        "enhanced": "2.0.0",
        "text": "2.0.0 Ok",
        "duration_ms": 250.0,
        "size_bytes": 1234,
        "next_attempt_at": None,
    }
    change = Transition(**{**given, **changes})
    return Event(change, "a", "promo", "mail", submitted_at, is_first=first)


def refused(**changes) -> Event:
    return event(
        MessageEvent.REFUSED,
        **{
            "code": 550,
            "enhanced": "5.1.1",
            "text": "5.1.1 no such user",
            "reason": Reason.USER_UNKNOWN,
            **changes,
        },
    )


def untried(kind: MessageEvent, **changes) -> Event:
    """One that no worker reported."""
    nothing = dict.fromkeys(
        ("mta", "worker_id", "source_ip", "code", "enhanced", "duration_ms", "size_bytes")
    )
    return event(kind, **{**nothing, "attempt": 0, "text": "", **changes})
