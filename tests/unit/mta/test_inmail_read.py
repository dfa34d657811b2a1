"""What comes back, as sinks and real servers write it: what it is and whom it is about."""

import pytest

from mail.inbound import InboundKind
from mail.message_id import MessageMark
from mail.reason import FailureType, Reason
from mta.classify import Classifier
from mta.inmail.read import read
from sinks.afterwards import Comeback, Kind
from sinks.outgoing import Cause, Waiting
from sinks.returned import content_of

CLASSIFIER = Classifier.packaged()
HEADER = b"From: a@shop.test\r\nTo: anna@a.test\r\nSubject: \xff\r\nMessage-ID: <3.7@lab.test>\r\n"
OURS = MessageMark(3, 7, "lab.test")
CAUSE = Cause("bounce+3-7@lab.test", "anna@a.test", "127.0.1.1", 1_750_000_000.0, HEADER)
NOBODY = Comeback(Kind.BOUNCE, 0.0, "dsn", "5.1.1", text="No mailbox here by that name")


def back(comeback, sender=""):
    """What a sink sends back, as it is read."""
    content = content_of(Waiting(512, 1_750_000_030.0, comeback, CAUSE), "mx.a.test")
    return read(content, sender, CLASSIFIER)


@pytest.mark.parametrize("form", ["dsn", "exim", "qmail"])
def test_a_bounce_in_any_format_that_is_known(form):
    found = back(Comeback(Kind.BOUNCE, 0.0, form, "5.1.1", text="No mailbox here by that name"))
    assert found.kind is InboundKind.FAILED
    assert found.returned == OURS
    [report] = found.reports
    assert report.recipients == ("anna@a.test",)
    verdict = report.verdict
    assert (verdict.failure, verdict.reason) == (FailureType.HARD, Reason.USER_UNKNOWN)
    assert (verdict.code, verdict.enhanced) == (550, "5.1.1")
    assert "No mailbox here" in found.text


def test_a_soft_bounce_is_soft():
    found = back(Comeback(Kind.BOUNCE, 0.0, "dsn", "5.2.2", text="The mailbox is full"))
    [report] = found.reports
    assert (report.verdict.failure, report.verdict.reason) == (
        FailureType.SOFT,
        Reason.MAILBOX_FULL,
    )


def test_what_is_only_late_has_no_verdict():
    found = back(Comeback(Kind.BOUNCE, 0.0, "dsn", "4.4.1", "delayed", text="Nobody answers"))
    assert found.kind is InboundKind.DELAYED
    assert found.reports[0].verdict is None


def test_a_person_is_not_understood():
    found = back(Comeback(Kind.BOUNCE, 0.0, "prose", "5.1.1", text="gone"))
    assert found.kind is InboundKind.UNKNOWN
    assert found.text.startswith("Dear sender")


def test_who_is_away():
    found = back(Comeback(Kind.AUTO_REPLY, 0.0, subject="Zur Zeit nicht da: ä", text="Later."))
    assert found.kind is InboundKind.AUTO_REPLY
    assert (found.subject, found.text) == ("Zur Zeit nicht da: ä", "Later.")
    assert found.returned == OURS


def test_who_complains():
    found = back(Comeback(Kind.COMPLAINT, 0.0, feedback_type="abuse", to="feedback@lab.test"))
    assert found.kind is InboundKind.COMPLAINT
    assert found.returned == OURS
    [report] = found.reports
    assert "anna@a.test" in report.recipients
    assert report.verdict.reason is Reason.DENYLISTED


def text(*lines, **headers):
    fields = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*fields, "", *lines, ""]).encode()


@pytest.mark.parametrize(
    ("content", "sender", "kind"),
    [
        (text("ok", Subject="Re: News", From="anna@a.test"), "anna@a.test", "reply"),
        (text("ok", Subject="ok", In_Reply_To="<3.7@lab.test>"), "anna@a.test", "reply"),
        (text("hello", Subject="Hello"), "anna@a.test", "unknown"),
        (text("hm", Subject="Hm"), "", "unknown"),
        (text("x", Subject="Out of Office: News"), "anna@a.test", "auto_reply"),
        (text("x", Subject="Ihre Mail", X_Autoreply="yes"), "anna@a.test", "auto_reply"),
        (text("x", Subject="x", Auto_Submitted="auto-generated"), "anna@a.test", "auto_reply"),
        (
            text("Please confirm that you sent this.", Auto_Submitted="auto-replied"),
            "anna@a.test",
            "challenge",
        ),
        (text("550 5.1.1 no such user", Subject="Re: my bounce"), "anna@a.test", "reply"),
        (b"", "", "unknown"),
    ],
)
def test_what_is_no_bounce(content, sender, kind):
    assert read(content, sender, CLASSIFIER).kind == kind


def report(*blocks, top=""):
    """A report of RFC 3464."""
    edge = "edge"
    parts = [
        "Content-Type: multipart/report; report-type=delivery-status; boundary=edge",
        top,
        "",
        f"--{edge}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.a.test",
        *("\r\n" + each for each in blocks),
        "",
        f"--{edge}--",
    ]
    return "\r\n".join(parts).encode()


def block(action, status, diagnostic, recipient="rfc822; anna@a.test"):
    lines = [f"Final-Recipient: {recipient}", f"Action: {action}", f"Status: {status}"]
    return "\r\n".join([*lines, *([f"Diagnostic-Code: {diagnostic}"] if diagnostic else [])])


@pytest.mark.parametrize(
    ("status", "diagnostic", "code", "enhanced"),
    [
        ("5.1.1", "smtp; 550 5.1.1 <anna@a.test>: unknown", 550, "5.1.1"),
        ("5.0.0", "smtp; 550-5.1.1 unknown", 550, "5.1.1"),  # the reply's own is the better one
        ("5.1.1 (bad mailbox)", "", 550, "5.1.1"),
        ("4.4.7", "X-Postfix; delivery expired", 450, "4.4.7"),
        ("5.4.7", "smtp; 451 later", 451, None),  # of another class: it contradicts
        ("", "smtp; no reply at all", 550, None),
    ],
)
def test_code_and_status_of_a_report(status, diagnostic, code, enhanced):
    [found] = read(report(block("failed", status, diagnostic)), "", CLASSIFIER).reports
    assert (found.verdict.code, found.verdict.enhanced) == (code, enhanced)


def test_a_report_of_several_recipients_is_as_bad_as_the_worst():
    content = report(
        block("delivered", "2.0.0", "", "rfc822; one@a.test"),
        block("Failed (for good)", "5.1.1", "", "rfc822; two@a.test"),
        block("delayed", "4.4.1", "", "rfc822; three@a.test"),
        block("nonsense", "5.1.1", "", "rfc822; four@a.test"),
    )
    found = read(content, "", CLASSIFIER)
    assert found.kind is InboundKind.FAILED
    assert [(each.recipients[0][:3], str(each.kind)) for each in found.reports] == [
        ("one", "delivered"),
        ("two", "failed"),
        ("thr", "delayed"),
    ]


def test_the_original_recipient_is_named_first():
    both = "rfc822; final@b.test\r\nOriginal-Recipient: rfc822; anna@a.test"
    [found] = read(report(block("failed", "5.1.1", "", both)), "", CLASSIFIER).reports
    assert found.recipients == ("anna@a.test", "final@b.test")


def test_guesses_are_for_machines_only():
    lines = ["Hi. This is the program at a.test.", "", "<anna@a.test>:", "550 5.1.1 who?"]
    content = text(*lines, From="MAILER-DAEMON@a.test", Subject="failure notice")
    assert read(content, "", CLASSIFIER).kind is InboundKind.FAILED
    content = text(*lines, From="bob@a.test", Subject="Re: what does this mean")
    assert read(content, "bob@a.test", CLASSIFIER).kind is InboundKind.REPLY
