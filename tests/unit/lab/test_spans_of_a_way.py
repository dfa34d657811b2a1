"""What spans become of a message's transitions: its waits, its attempts, what came afterwards."""

from dataclasses import replace

import pytest

from lab.spans import steps, way
from lab.spans.span import Numbering
from lab.spans.steps import Step, recorded_steps
from mail.reason import Reason
from mail.states import MessageEvent, MessageStatus
from mta.trace.files import TraceFile
from mta.trace.line import Direction, Ends, Line, Subject, encode
from store.journeys import Journey
from store.log import Transition

LAB = Numbering("lab")
SENT, FAILED, PENDING = MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.PENDING


def change(number, at, event, to, **more):
    given = {
        "id": number,
        "message_id": 7,
        "delivery_id": 3,
        "address": "anna@home.test",
        "at": at,
        "event": event,
        "from_status": PENDING,
        "to_status": to,
        "attempt": 1,
        "reason": None,
        "failure": None,
        "mta": "m1",
        "worker_id": 2,
        "source_ip": "127.0.1.1",
        "code": 250,
        "enhanced": "2.0.0",
        "text": "Accepted",
        "duration_ms": 500.0,
        "size_bytes": 4096,
        "next_attempt_at": None,
    }
    return Transition(**{**given, **more})


def journey(*transitions, contact_at=100.0):
    return Journey(7, 3, "home.test", "rest", "promo", "offers", 100.0, contact_at, transitions)


DEFERRED = change(
    10, 112.5, MessageEvent.DEFERRED, PENDING, reason=Reason.GREYLISTED, next_attempt_at=120.0
)
ACCEPTED = change(20, 131.0, MessageEvent.ACCEPTED, SENT, attempt=2, duration_ms=1000.0)
BOUNCED = change(
    30,
    500.0,
    MessageEvent.BOUNCED_LATER,
    FAILED,
    from_status=SENT,
    reason=Reason.USER_UNKNOWN,
    duration_ms=None,
)


def times(spans):
    return [(each.name, each.begin, each.end) for each in spans]


def test_waits_and_attempts_fill_the_time_from_arrival_to_end():
    spans = way.spans_of(journey(DEFERRED, ACCEPTED, contact_at=110.0), LAB)
    assert times(spans) == [
        ("until contact date", 100.0, 110.0),
        ("queued", 110.0, 112.0),
        ("attempt 1", 112.0, 112.5),
        ("wait for retry", 112.5, 120.0),
        ("queued", 120.0, 130.0),
        ("attempt 2", 130.0, 131.0),
        ("message", 100.0, 131.0),
    ]
    whole = spans[-1]
    assert whole.parent_id is None
    assert {each.parent_id for each in spans[:-1]} == {whole.span_id}
    assert {each.trace_id for each in spans} == {LAB.trace(7)}
    assert len({each.span_id for each in spans}) == len(spans)
    assert [each.name for each in whole.events] == ["deferred", "accepted"]


def test_a_deferral_is_an_event_of_its_attempt_and_says_why():
    attempt = way.spans_of(journey(DEFERRED), LAB)[-1]
    [event] = attempt.events
    assert event.attributes["mtalab.reason"] == "greylisted"
    assert event.attributes["mtalab.next_attempt_at"] == 120.0
    assert attempt.error is None, "a deferral is not the end"


def test_no_recipient_is_told():
    spans = way.spans_of(journey(DEFERRED, ACCEPTED), LAB)
    assert "anna" not in repr(spans)


def test_who_goes_on_tells_each_span_once():
    all_of_it = journey(DEFERRED, ACCEPTED, BOUNCED)
    once = way.spans_of(all_of_it, LAB)
    in_pieces = []
    for last in ((), (10,), (10, 20)):
        known = all_of_it.transitions[: len(last) + 1]
        in_pieces += way.spans_of(
            replace(all_of_it, transitions=known), LAB, after_id=last[-1] if last else 0
        )
    assert in_pieces == once


def test_what_comes_afterwards_has_a_span_of_its_own_and_the_first_end_stands():
    spans = way.spans_of(journey(ACCEPTED, BOUNCED), LAB)
    [whole] = [each for each in spans if each.name == "message"]
    assert whole.attributes["mtalab.status"] == "sent"
    assert times(spans)[-1] == ("afterwards: bounced_later", 500.0, 500.0)


def test_a_refusal_is_an_error_of_attempt_and_message():
    refused = change(10, 112.5, MessageEvent.REFUSED, FAILED, reason=Reason.USER_UNKNOWN, text="No")
    by_name = {each.name: each for each in way.spans_of(journey(refused), LAB)}
    assert by_name["message"].error == by_name["attempt 1"].error == "user_unknown: No"


def test_a_retry_by_hand_waits_from_when_it_was_asked_for():
    retried = change(
        40, 600.0, MessageEvent.RETRIED_BY_HAND, PENDING, from_status=FAILED, duration_ms=None
    )
    again = change(50, 610.0, MessageEvent.ACCEPTED, SENT, attempt=3)
    spans = way.spans_of(journey(ACCEPTED, BOUNCED, retried, again), LAB, after_id=40)
    assert times(spans) == [("queued", 600.0, 609.5), ("attempt 3", 609.5, 610.0)]


def test_numbers_are_those_of_the_lab_and_never_zero():
    assert LAB.trace(7) == Numbering("lab").trace(7)
    assert LAB.trace(7) != Numbering("other").trace(7)
    assert 0 < LAB.span("attempt", 1) < 2**64
    assert 2**64 < LAB.trace(7) < 2**128


def test_recorded_replies_are_steps_of_their_attempt(tmp_path):
    ends, subject = Ends("m1-2", "127.0.1.1>rest", 1, "127.0.0.1:2601", 100.0), Subject(7, 3, "x")
    lines = [
        Line(12.1, Direction.HEARD, "250 hello", None, "EHLO", 0.01),  # of the connection
        Line(12.2, Direction.HEARD, "250 2.1.0 OK", subject, "MAIL", 0.2),
        Line(12.5, Direction.HEARD, "451 4.7.1 Later", subject, "RCPT", 0.25),
        Line(31.0, Direction.HEARD, "250 2.0.0 Accepted", subject, "the end of data", 0.5),
    ]
    file = TraceFile(tmp_path, "m1-2")
    file.write(b"".join(encode(ends, line) for line in lines))
    file.close()
    found = recorded_steps(tmp_path)
    assert found.keys() == {7}
    spans = way.spans_of(journey(DEFERRED, ACCEPTED), LAB, found[7])
    attempts = {each.name: each for each in spans if each.name.startswith("attempt")}
    below = [each for each in spans if each.parent_id == attempts["attempt 1"].span_id]
    assert [(each.name, each.attributes["smtp.reply"]) for each in below] == [
        ("MAIL", "250 2.1.0 OK"),
        ("RCPT", "451 4.7.1 Later"),
    ]
    assert below[0].begin == pytest.approx(112.0)
    [end] = [each for each in spans if each.parent_id == attempts["attempt 2"].span_id]
    assert end.name == "the end of data"


def test_steps_of_another_time_are_none_of_it():
    others = [Step("MAIL", 50.0, 51.0, "250"), Step("MAIL", 112.6, 112.7, "250")]
    assert steps.within(others, 112.0, 112.5) == []
