"""The inbox keeps its index and marks whatever happens to their files, and sees what others do."""

import contextlib

import pytest

from lab.inbox import marks
from lab.inbox.mailbox import Inbox
from lab.inbox.query import terms_of
from sinks.errors import DamagedReceipts, NoSuchMessage, SinkFilesUnusable
from sinks.inbox import InboxFile
from sinks.receipts import Peer, ReceiptLog


class Mailing:
    """Writes as a sink does."""

    def __init__(self, folder):
        self.folder, self.time = folder, 100.0

    def receive(self, *subjects, sink="mx", kept=True):
        files = contextlib.closing(ReceiptLog(self.folder, sink))
        with files as receipts, contextlib.closing(InboxFile(self.folder, sink)) as contents:
            found = []
            for each in subjects:
                self.time += 1
                mail = f"Subject: {each}\r\nX-Tags: {each}\r\n\r\nThe words of {each}\r\n".encode()
                place = contents.keep(mail) if kept else None
                found.append(
                    receipts.accepted(
                        Peer("127.0.0.1"), "", ["a@b.test"], mail, time=self.time, inbox=place
                    )
                )
            return found


@pytest.fixture
def mailing(tmp_path):
    return Mailing(tmp_path)


def subjects(inbox, query=None):
    terms = None if query is None else terms_of(query)
    found = inbox.newest(0, 1000) if terms is None else inbox.search(terms, 0, 1000)
    return [each.summary.subject for each in found.mails]


def test_mail_of_all_sinks_comes_in_the_order_of_its_time(mailing, tmp_path):
    inbox = Inbox(tmp_path)
    assert subjects(inbox) == []
    mailing.receive("one", "two")
    mailing.receive("three", sink="other")
    mailing.receive("unkept", kept=False)
    mailing.receive("four")
    assert subjects(inbox) == subjects(Inbox(tmp_path)) == ["four", "three", "two", "one"]
    assert subjects(inbox, "words -three") == ["four", "two", "one"]


@pytest.mark.parametrize("harm", ["gone", "cut", "torn", "garbage", "empty"])
def test_the_index_is_made_again(mailing, tmp_path, harm):
    inbox = Inbox(tmp_path)
    mailing.receive("one", "two")
    assert subjects(inbox) == ["two", "one"]
    index = tmp_path / "inbox" / "mx.index"
    lines = index.read_bytes()
    match harm:
        case "gone":
            index.unlink()
        case "cut":
            index.write_bytes(lines[:-20])
        case "torn":
            index.write_bytes(lines + b"[1, 2")
        case "garbage":
            index.write_bytes(b"\0\n" + lines)
        case "empty":
            index.write_bytes(b"")
    mailing.receive("three")
    for each in (Inbox(tmp_path), inbox):
        assert subjects(each, "words") == ["three", "two", "one"]
    assert index.read_bytes().startswith(lines)


def test_many_mails_are_taken_in_step_by_step(mailing, tmp_path):
    mailing.receive(*(f"s{n}" for n in range(700)))
    inbox = Inbox(tmp_path)
    seen = [inbox.newest(0, 0, waits=False).total for _ in range(3)]
    assert (seen, inbox.is_behind) == ([300, 600, 700], False)
    assert Inbox(tmp_path).newest(0, 0).total == 700


def test_a_sink_that_begins_anew_has_new_mail(mailing, tmp_path):
    inbox = Inbox(tmp_path)
    first, second = mailing.receive("one", "two")
    inbox.set_read([first], is_read=True)
    inbox.set_tags([first], ["mine"])
    inbox.delete([second])
    for each in ("receipts/mx.jsonl", "inbox/mx.contents"):
        (tmp_path / each).unlink()
    assert subjects(inbox) == []
    again, _, _ = mailing.receive("new", "newer", "newest")
    assert again == first
    for each in (inbox, Inbox(tmp_path)):
        found = each.newest(0, 10).mails
        assert [one.summary.subject for one in found] == ["newest", "newer", "new"]
        assert [one.is_read for one in found] == [False, False, False]
        assert found[-1].tags == ("new",)
        assert each.counts().unread == 3


def test_marks_survive_a_torn_line_and_tell_a_damaged_one(mailing, tmp_path):
    first, second = mailing.receive("one", "two")
    Inbox(tmp_path).delete([first])
    file = tmp_path / "inbox" / "marks.jsonl"
    with file.open("ab") as marks_file:
        marks_file.write(b'{"do": "del')
    inbox = Inbox(tmp_path)
    assert subjects(inbox) == ["two"]
    inbox.delete([second])
    assert subjects(Inbox(tmp_path)) == []
    with file.open("ab") as marks_file:
        marks_file.write(b'{"do": "eat", "of": []}\n')
    with pytest.raises(DamagedReceipts, match="eat"):
        inbox.counts()


def test_marks_that_grew_are_written_anew(mailing, tmp_path, monkeypatch):
    monkeypatch.setattr(marks, "_GROWN", 2000)
    ids = mailing.receive("one", "two", "three")
    inbox, other = Inbox(tmp_path), Inbox(tmp_path)
    inbox.delete(ids[2:])
    inbox.set_tags(ids[:1], ["mine"])
    for turn in range(60):
        inbox.set_read(ids, is_read=turn % 2 == 0)
        assert other.counts().unread == turn % 2 * 2
    assert (tmp_path / "inbox" / "marks.jsonl").stat().st_size < 2100
    for each in (inbox, other, Inbox(tmp_path)):
        assert subjects(each) == ["two", "one"]
        assert each.counts().tags == {"mine": 1, "two": 1}


def test_what_cannot_be_read_or_written_is_told(mailing, tmp_path):
    (only,) = mailing.receive("one")
    inbox = Inbox(tmp_path)
    with pytest.raises(NoSuchMessage):
        inbox.open("mx-7")
    (tmp_path / "inbox" / "mx.contents").write_bytes(b"")
    assert Inbox(tmp_path / "elsewhere").counts().total == 0
    with pytest.raises(SinkFilesUnusable):
        inbox.open(only)
