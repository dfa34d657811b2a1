"""Events as Postfix's lines."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.reason import Reason
from mail.states import MessageEvent
from monitor.export.place import Place
from monitor.export.postfix import Postfix, _seconds, queue_id_of
from monitor.export.syslog import SyslogTime, stamp
from tests.fakes.events import AT, event, refused, untried

ONE_HOST = {"a": Place("mx.a.test", "127.0.0.1", 2601)}
LINE = re.compile(r"\S+ m1 postfix/(\w+)\[3\]: ([0-9A-F]{10,11}|NOQUEUE): (.*)")
SENDER = "bounce+7-42@lab.example"


def written(what, places=ONE_HOST, host=""):
    made = Postfix("lab.example", host, SyslogTime.UTC, places)
    return list(made.lines(what))


def said(what, **more):
    return [LINE.fullmatch(each).group(1, 3) for each in written(what, **more)]


def test_a_message_that_is_taken_at_once_enters_goes_and_leaves():
    assert said(event(MessageEvent.ACCEPTED)) == [
        ("pickup", f"uid=65534 from=<{SENDER}>"),
        ("cleanup", "message-id=<7.42@lab.example>"),
        ("qmgr", f"from=<{SENDER}>, size=1234, nrcpt=1 (queue active)"),
        (
            "smtp",
            "to=<ann@a.test>, relay=mx.a.test[127.0.0.1]:2601, delay=60, "
            "delays=59/0/0/0.25, dsn=2.0.0, status=sent (250 2.0.0 Ok)",
        ),
        ("qmgr", "removed"),
    ]


def test_each_attempt_begins_when_it_began_and_ends_when_it_ended():
    begin, *_, end = written(event(MessageEvent.ACCEPTED))
    assert begin.startswith("2026-01-04T23:59:59.750000+00:00 ")
    assert end.startswith("2026-01-05T00:00:00.000000+00:00 ")


def test_a_later_attempt_is_only_activated_again():
    change = event(MessageEvent.DEFERRED, first=False, code=451, enhanced=None, text="later")
    assert said(change) == [
        ("qmgr", f"from=<{SENDER}>, size=1234, nrcpt=1 (queue active)"),
        (
            "smtp",
            "to=<ann@a.test>, relay=mx.a.test[127.0.0.1]:2601, delay=60, delays=59/0/0/0.25, "
            "dsn=4.0.0, status=deferred (host mx.a.test[127.0.0.1] said: 451 later)",
        ),
    ]


def test_which_of_several_hosts_it_was_is_not_made_up():
    smtp = said(refused(), places={})[3][1]
    assert "relay=a[unknown], " in smtp
    assert smtp.endswith("status=bounced (host a[unknown] said: 550 5.1.1 no such user)")


def test_without_a_reply_there_was_no_relay():
    change = event(
        MessageEvent.DEFERRED, code=None, enhanced=None, text="cannot connect", duration_ms=None
    )
    smtp = said(change)[3][1]
    assert "relay=none, delay=60, delays=60/0/0/0, dsn=4.0.0," in smtp
    assert smtp.endswith("status=deferred (cannot connect)")


def test_an_expired_message_is_returned():
    tried = untried(MessageEvent.EXPIRED_TRIED, first=False, mta="m1", worker_id=3)
    assert said(tried) == [
        ("qmgr", f"from=<{SENDER}>, status=expired, returned to sender"),
        ("qmgr", "removed"),
    ]
    first = untried(MessageEvent.EXPIRED_UNTRIED, mta="m1", worker_id=3)
    assert [each for each, _ in said(first)] == ["pickup", "cleanup", "qmgr", "qmgr", "qmgr"]


def test_a_withdrawn_message_is_removed_by_hand():
    withdrawn = untried(MessageEvent.WITHDRAWN, first=False, mta="m1", worker_id=3)
    assert said(withdrawn) == [("postsuper", "removed")]


def test_an_excluded_message_never_had_a_queue_id():
    (line,) = written(untried(MessageEvent.EXCLUDED, text="quarantined"))
    assert line.endswith(
        "mtalab postfix/smtpd[0]: NOQUEUE: reject: RCPT from unknown[unknown]: 550 5.0.0 "
        "<ann@a.test>: Recipient address rejected: quarantined; "
        f"from=<{SENDER}> to=<ann@a.test> proto=SMTP"
    )


def test_a_late_bounce_comes_in_as_a_message_of_its_own():
    late = untried(MessageEvent.BOUNCED_LATER, first=False, text="mailbox gone", mta="m1")
    lines = written(late)
    assert all("B00000003E8: " in each for each in lines)
    assert f"to=<{SENDER}>, relay=local" in lines[3]
    assert lines[3].endswith("status=sent (bounce of 000000002A: mailbox gone)")


def test_a_complaint_comes_in_likewise():
    complained = untried(
        MessageEvent.BOUNCED_LATER, reason=Reason.DENYLISTED, text="complaint: abuse", mta="m1"
    )
    assert written(complained)[3].endswith("(complaint of 000000002A: complaint: abuse)")


def test_a_host_can_be_named():
    assert " mail postfix/pickup[3]: " in written(event(MessageEvent.ACCEPTED), host="mail")[0]


@given(st.text(max_size=80))
def test_whatever_a_receiver_says_stays_in_one_printable_line(text):
    for line in written(refused(text=text)):
        assert line.isprintable()
        assert line.splitlines() == [line]


@given(st.integers(1, 10**12 - 1), st.integers(1, 10**12 - 1))
def test_each_message_has_a_queue_id_of_its_own(one, other):
    assert (queue_id_of(one) == queue_id_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.004, "0"),
        (0.05, "0.05"),
        (0.5, "0.5"),
        (1.04, "1"),
        (9.87, "9.9"),
        (61.9, "61"),
    ],
)
def test_seconds_have_two_digits_that_count(seconds, text):
    assert _seconds(seconds) == text


def test_a_day_of_one_digit_is_padded_with_a_space():
    text = stamp(AT, SyslogTime.TRADITIONAL)
    assert re.fullmatch(r"Jan  [45] \d\d:\d\d:\d\d", text)
