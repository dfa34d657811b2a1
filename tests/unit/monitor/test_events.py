"""Events as KumoMTA names them."""

from mail.reason import Reason
from mail.states import MessageEvent, MessageStatus
from monitor.events import TYPES, record
from store.log import Event, Transition
from tests.fakes.events import untried


def test_every_event_has_a_type():
    assert set(TYPES) == set(MessageEvent)


def test_a_reply_is_taken_apart():
    change = Transition(
        7, 3, 1, "a@x.test", 100.5, "deferred", MessageStatus.PENDING, MessageStatus.PENDING, 2,
        Reason.GREYLISTED, "ignored", "m1", 4, "127.0.1.1", 451, "4.7.1", "later", 12.0, 99, 200.0,
    )  # fmt: skip
    found = record(Event(change, "x", "promo", "spring", 50.0), "lab.test")
    assert found["response"]["enhanced_code"] == {"class": 4, "subject": 7, "detail": 1}
    assert found["event_time"] == "1970-01-01T00:01:40.500+00:00"
    assert found["sender"] == "bounce+1-3@lab.test"
    assert (found["type"], found["nodeid"], found["num_attempts"]) == (
        "TransientFailure",
        "m1-4",
        2,
    )


def test_a_complaint_is_feedback_and_a_late_bounce_is_none():
    late = untried(MessageEvent.BOUNCED_LATER, reason=Reason.MAILBOX_FULL)
    assert record(late, "lab.example")["type"] == "OOB"
    complained = untried(MessageEvent.BOUNCED_LATER, reason=Reason.DENYLISTED)
    assert record(complained, "lab.example")["type"] == "Feedback"
