"""What an application may submit, and what is made of it."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.submit.letter import Ready, Trace, ready
from mail.reply import Reply

TRACE = Trace(
    "from app by lab with ESMTP id 1;\r\n Mon, 23 Nov 2026 08:00:00 +0000",
    "<1@lab>",
    "Mon, 23 Nov 2026 08:00:00 +0000",
)


def refused(content: bytes) -> str:
    found = ready(content, TRACE)
    assert isinstance(found, Reply), found
    assert found.code == 554
    return found.text


def accepted(content: bytes) -> Ready:
    found = ready(content, TRACE)
    assert isinstance(found, Ready), found
    return found


def test_a_trace_is_added_and_what_is_missing_and_nothing_else_changes():
    assert accepted(b"Subject: Hi\r\n\r\nHello\r\n").content == (
        b"Received: from app by lab with ESMTP id 1;\r\n Mon, 23 Nov 2026 08:00:00 +0000\r\n"
        b"Subject: Hi\r\n"
        b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\n"
        b"Message-ID: <1@lab>\r\n"
        b"\r\nHello\r\n"
    )
    whole = b"date: now\r\nMessage-Id: <a@b>\r\n\r\n\r\n{{ not a template }}\r\n"
    assert accepted(whole).content.endswith(b"\r\n" + whole)


def test_our_headers_say_where_it_goes_and_are_taken_out_with_those_for_nobody():
    found = accepted(
        b"X-Mtalab-Affinity:  promo \r\nBcc: secret@b.test,\r\n other@b.test\r\n"
        b"X-MTALAB-delivery: =?utf-8?q?Caf=C3=A9?=\r\n orders\r\nReturn-Path: <a@b>\r\n"
        b"Resent-Bcc: z@b.test\r\nSubject: x\r\n\r\nBcc: in the text\r\n"
    )
    assert (found.affinity, found.label) == ("promo", "Café orders")
    head, _, body = found.content.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in head.splitlines() if line[:1] != b" "]
    assert names == [b"Received", b"Subject", b"Date", b"Message-ID"]
    assert body == b"Bcc: in the text\r\n"


def test_a_message_without_body_or_header_is_one_too():
    assert accepted(b"Subject: x\r\n").content.endswith(b"Message-ID: <1@lab>\r\n\r\n")
    assert accepted(b"\r\nonly text\r\n").content.endswith(b"<1@lab>\r\n\r\nonly text\r\n")
    assert accepted(b"").content.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A: b\r\n\r\none\ntwo\r\n", "Line 3 holds a CR or LF alone"),
        (b"A: b\r\n\r\none\rtwo\r\n", "Line 3 holds a CR or LF alone"),
        (b"A: b\r\n\r\n.\n.\r\n", "Line 3 holds"),
        (b"A: b\r\n\r\n" + b"x" * 999 + b"\r\n", "Line 3 is longer than 998 bytes"),
        (b"A: b\r\n\r\n" + b"x" * 1_000_000 + b"\r\n", "Line 3 is longer than 998 bytes"),
        (b"A: b\r\n\r\nx\0y\r\n", "Line 3 holds a NUL byte"),
        (b"A: b\r\nno field\r\n\r\n", "Line 2 is no header field"),
        (b"A: b\r\n: no name\r\n\r\n", "Line 2 is no header field"),
        (b" folded\r\n\r\n", "Line 1 is no header field"),
        (b"A: \xff\r\n\r\n", "neither ASCII nor UTF-8"),
        (b"X-Mtalab-Affinity: a\r\nX-Mtalab-Affinity: b\r\n\r\n", "more than once"),
        (b"X-Mtalab-Affinity:\r\n\r\n", "X-Mtalab-Affinity is empty"),
        (b"X-Mtalab-Delivery: " + b"x" * 201 + b"\r\n\r\n", "longer than 200"),
        (b"X-Mtalab-Delivery: =?nonsense?q?x?=\r\n\r\n", "cannot be read"),
    ],
)
def test_what_cannot_be_sent_on_is_refused_with_its_line(content, said):
    assert said in refused(content)


def test_lines_may_be_as_long_as_the_rfc_allows():
    accepted(b"A: b\r\n\r\n" + b"x" * 998 + b"\r\n")


def test_only_a_header_that_is_not_ascii_needs_smtputf8():
    assert accepted("Subject: Grüße\r\n\r\nx\r\n".encode()).needs_smtputf8
    assert not accepted("Subject: x\r\n\r\nGrüße\r\n".encode()).needs_smtputf8


@given(st.binary(max_size=300))
def test_whatever_comes_is_refused_or_can_be_read_back(content):
    found = ready(content, TRACE)
    if isinstance(found, Reply):
        assert found.code == 554
        return
    assert b"\0" not in found.content
    assert found.content.count(b"\n") == found.content.count(b"\r\n") == found.content.count(b"\r")
    read = email.message_from_bytes(found.content, policy=email.policy.SMTP)
    assert not read.defects
    assert read["Message-ID"] is not None


FIELDS = st.lists(
    st.tuples(
        st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True),
        st.from_regex(r"[ -~]{0,60}", fullmatch=True),
    ),
    max_size=6,
)


@given(FIELDS, st.lists(st.from_regex(r"[ -~]{0,80}", fullmatch=True), max_size=5))
def test_fields_and_body_come_through_as_they_were(fields, body):
    ours = {"x-mtalab-affinity", "x-mtalab-delivery", "bcc", "resent-bcc", "return-path"}
    fields = [(name, value) for name, value in fields if name.lower() not in ours]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    text = "".join(f"{line}\r\n" for line in body)
    found = accepted(f"{head}\r\n{text}".encode()).content
    assert found.endswith(f"\r\n\r\n{text}".encode())
    assert head.encode() in found
