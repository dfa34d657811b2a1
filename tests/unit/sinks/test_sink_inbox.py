import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.errors import ContentNotKept, SinkFilesUnusable
from sinks.headers import header
from sinks.inbox import InboxFile, content, list_inbox
from sinks.receipts import Peer, ReceiptLog, read_receipts

PEER = Peer("127.0.1.1", "mta.lab.test")


def receive(directory, sink, messages, *, keep=True, start=0):
    log, inbox = ReceiptLog(directory, sink), InboxFile(directory, sink)
    for n, (recipient, body) in enumerate(messages):
        place = inbox.keep(body) if keep else None
        log.accepted(PEER, "a@b.test", [recipient], body, time=start + n, inbox=place)
    log.close()
    inbox.close()
    inbox.close()


def letter(subject):
    return f"From: Shop <shop@lab.test>\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_contents_come_back_byte_by_byte(tmp_path_factory, bodies):
    directory = tmp_path_factory.mktemp("inbox")
    receive(directory, "mx1", [("a@b.test", body) for body in bodies[:3]])
    receive(directory, "mx1", [("a@b.test", body) for body in bodies[3:]])
    assert [content(directory, r) for r in read_receipts(directory)] == bodies


def test_the_newest_come_first_over_all_sinks(tmp_path):
    receive(tmp_path, "mx1", [("a@x.test", letter(f"one {n}")) for n in range(3)], start=0)
    receive(tmp_path, "mx2", [("a@x.test", letter(f"two {n}")) for n in range(3)], start=1.5)
    listed = [each.subject for each in list_inbox(tmp_path, 4)]
    assert listed == ["two 2", "two 1", "one 2", "two 0"]


def test_the_list_is_filtered_by_sink_recipient_and_subject(tmp_path):
    receive(
        tmp_path, "mx1", [("anna@x.test", letter("Spring SALE")), ("bob@x.test", letter("Bill"))]
    )
    receive(tmp_path, "mx2", [("anna@x.test", letter("Bill"))])

    def listed(**filters):
        return sorted(
            (e.receipt.sink, e.receipt.rcpt_to[0]) for e in list_inbox(tmp_path, **filters)
        )

    assert listed(sink="mx2") == [("mx2", "anna@x.test")]
    assert listed(recipient="ANNA@*") == [("mx1", "anna@x.test"), ("mx2", "anna@x.test")]
    assert listed(subject="sale") == [("mx1", "anna@x.test")]
    assert listed(recipient="anna@*", subject="bill") == [("mx2", "anna@x.test")]
    assert listed(sink="mx9") == []


def test_a_list_shows_sender_and_subject_decoded(tmp_path):
    body = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n aus Graz\r\n"
    body += b"FROM: =?utf-8?b?Wm/Dqw==?= <z@x.test>\r\n\r\n"
    receive(tmp_path, "mx1", [("a@x.test", body)])
    (entry,) = list_inbox(tmp_path)
    assert entry.subject == "Grüße aus Graz"
    assert entry.sender == "Zoë <z@x.test>"


@pytest.mark.parametrize(
    "raw",
    [b"=?nonsense?q?abc?=", b"=?utf-8?b?A?=", b"=?utf-8?q?=FF?=", b"\xff\xfe", b"", b"a\x00b"],
)
def test_a_broken_subject_is_shown_as_it_came(raw):
    assert isinstance(header(b"Subject: " + raw + b"\r\n\r\n", "Subject"), str)


@given(st.binary(max_size=100))
def test_any_bytes_have_some_subject_or_none(raw):
    assert isinstance(header(b"Subject:" + raw, "Subject"), str)


def test_a_header_in_the_body_is_none(tmp_path):
    assert header(b"X: y\r\n\r\nSubject: no\r\n", "Subject") == ""
    assert header(b"\r\nSubject: no\r\n", "Subject") == ""


def test_what_was_not_kept_is_not_listed_and_says_how_to_keep_it(tmp_path):
    receive(tmp_path, "mx1", [("a@x.test", letter("x"))], keep=False)
    assert list_inbox(tmp_path) == []
    with pytest.raises(ContentNotKept, match=r"sink\.mx1"):
        content(tmp_path, next(read_receipts(tmp_path)))


def test_a_cut_or_missing_file_is_a_fault_of_the_environment(tmp_path):
    receive(tmp_path, "mx1", [("a@x.test", letter("x"))])
    receipt = next(read_receipts(tmp_path))
    path = tmp_path / "inbox" / "mx1.contents"
    os.truncate(path, 5)
    with pytest.raises(SinkFilesUnusable, match="ends before"):
        content(tmp_path, receipt)
    path.unlink()
    with pytest.raises(SinkFilesUnusable, match="cannot read"):
        content(tmp_path, receipt)
