"""Whatever bytes come in by mail: they are read, soon, and nothing is believed that is forged."""

import signal
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.inbound import InboundKind
from mta.classify import Classifier
from mta.inmail.read import read

CLASSIFIER = Classifier.packaged()
LONG_S = 20  # many times what the worst of these takes: it ends a test that would hang
FIELDS = [
    *("Content-Type", "Content-Transfer-Encoding", "Subject", "From", "To", "Message-ID"),
    *("Auto-Submitted", "In-Reply-To", "X-Failed-Recipients", "Action", "Status", "MIME-Version"),
    *("Final-Recipient", "Original-Recipient", "Diagnostic-Code", "Feedback-Type"),
]
VALUES = [
    "multipart/report; report-type=delivery-status; boundary=x",
    'multipart/mixed; boundary="x"',
    "message/delivery-status",
    "message/feedback-report",
    "message/rfc822",
    "text/rfc822-headers",
    "text/plain; charset=utf-7",
    "text/plain; charset=nosuch",
    "text/html; charset=utf-16",
    *("base64", "quoted-printable", "x-uuencode", "failed", "delayed", "5.1.1", "auto-replied"),
    *("rfc822; anna@a.test", "<1.2@x.test>", "smtp; 550 5.1.1 nobody", "=?utf-8?q?=ff?=", "("),
]
LINES = st.one_of(
    st.builds(
        lambda name, value: f"{name}: {value}", st.sampled_from(FIELDS), st.sampled_from(VALUES)
    ),
    st.sampled_from(["", "--x", "--x--", " folded", "<anna@a.test>:", "550 5.1.1 no"]),
    st.text(max_size=30),
)
MAILS = st.one_of(
    st.binary(max_size=300),
    st.lists(LINES, max_size=60).map(lambda lines: "\r\n".join(lines).encode("utf-8", "replace")),
)


@pytest.fixture(autouse=True)
def _bounded_time():
    """Whatever hangs is ended, and fails."""

    def end(*_):
        raise AssertionError(f"a mail took longer than {LONG_S} s to read")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LONG_S * 3)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@settings(max_examples=300)
@given(MAILS, st.sampled_from(["", "MAILER-DAEMON@a.test", "anna@a.test", "\ud800@x"]))
def test_any_mail_is_read(content, sender):
    found = read(content, sender, CLASSIFIER)
    assert found.kind in InboundKind
    for text in (found.subject, found.text):
        assert text.isprintable()
        assert len(text) <= 500
    for each in found.reports:
        assert (each.verdict is not None) == (
            each.kind in (InboundKind.FAILED, InboundKind.COMPLAINT)
        )


def nested(depth):
    head = "".join(
        f'Content-Type: multipart/mixed; boundary="b{number}"\r\n\r\n--b{number}\r\n'
        for number in range(depth)
    )
    return head.encode()


BOMBS = {
    "multiparts in multiparts": nested(3000),
    "mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "many parts": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 40_000,
    "many reports": b"Content-Type: message/delivery-status\r\n\r\n"
    + b"Final-Recipient: rfc822; a@b.test\r\nAction: failed\r\n\r\n" * 5000,
    "base64": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b"QUFB" * 2_000_000,
    "one line": b"From: MAILER-DAEMON@x\r\n\r\n" + b"<" * 2_000_000,
    "one field": b"Content-Type: multipart/mixed" + b";" * 500_000 + b"\r\n\r\n",
    "a field in many lines": b"Content-Type: a/b\r\n" + b' ;;;;;;;;;"\r\n' * 50_000,
    "comments": b"X-Failed-Recipients: " + b"(" * 100_000 + b"\r\nFrom: <>\r\n\r\n",
    "comments in recipients": b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n"
    b"Final-Recipient: rfc822; " + b"(" * 900 + b"\r\n",
    "words": b"From: MAILER-DAEMON@x\r\n\r\n" + b"confirm your " * 100_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\n",
    "carriage returns": b"A: b\r" * 200_000,
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_no_more_than_a_mail_that_nobody_understands(name):
    for sender in ("", "anna@a.test"):
        found = read(BOMBS[name], sender, CLASSIFIER)
        assert len(found.reports) <= 100


def complaint_about(inner: bytes) -> bytes:
    head = b"Content-Type: multipart/report; report-type=feedback-report; boundary=%b\r\n\r\n"
    edge = b"c%d" % len(inner)
    return (
        head % edge
        + b"--%b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n"
        % edge
        + b"--%b\r\nContent-Type: message/rfc822\r\n\r\n%b\r\n--%b--\r\n" % (edge, inner, edge)
    )


def test_a_complaint_about_a_complaint_about_a_complaint_is_one_complaint():
    mail = b"Message-ID: <1.2@x.test>\r\nTo: anna@a.test\r\n\r\nhello\r\n"
    once = read(complaint_about(mail), "", CLASSIFIER)
    assert once.returned is not None
    for _ in range(5):
        mail = complaint_about(mail)
        found = read(mail, "", CLASSIFIER)
        assert found.kind is InboundKind.COMPLAINT
        assert len(found.reports) == 1
    assert read(complaint_about(nested(100)), "", CLASSIFIER).kind is InboundKind.UNKNOWN


def test_what_a_lab_itself_sent_says_nothing_of_its_messages():
    mail = EmailMessage()
    mail["Message-ID"] = "<1.2@x.test>"
    mail["In-Reply-To"] = "<1.3@x.test>"
    mail["Subject"] = "Re: out of office"
    mail.set_content("550 5.1.1 <anna@a.test>: no such user")
    found = read(bytes(mail), "", CLASSIFIER)
    assert found.kind is InboundKind.UNKNOWN
    assert found.returned is None
    assert found.reports == ()


@pytest.mark.parametrize("hidden", ["\N{SOFT HYPHEN}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x1b[2J"])
def test_what_a_guessed_bounce_says_stands_in_one_line(hidden):
    mail = (
        "From: MAILER-DAEMON@a.test\r\nSubject: failure notice\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        "Hi. This is the qmail-send program at a.test.\r\n\r\n"
        f"<anna@a.test>:\r\n550 5.1.1 no{hidden}body\r\n"
    )
    found = read(mail.encode(), "", CLASSIFIER)
    assert found.kind is InboundKind.FAILED
    assert found.text.isprintable()
    assert "no" in found.text
    assert all(each.verdict.text.isprintable() for each in found.reports)
