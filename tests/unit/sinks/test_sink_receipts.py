import os
from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks import json_lines
from sinks.append_file import AppendFile
from sinks.errors import DamagedReceipts, NoSuchMessage, SinkFilesUnusable
from sinks.json_lines import read_lines, read_lines_backward
from sinks.receipts import (
    InboxPlace,
    Peer,
    ReceiptLog,
    newest_receipts,
    read_receipts,
    read_refusals,
    receipt_by_id,
)

CONTENT = b"Message-ID: <1@lab.test>\r\nSubject: Hi\r\n\r\nHello\r\n"
PEER = Peer("127.0.1.1", "mta.lab.test")


def write(directory, sink, times, inbox=None):
    log = ReceiptLog(directory, sink)
    ids = [
        log.accepted(PEER, "a@b.test", ["c@d.test"], CONTENT, time=time, inbox=inbox)
        for time in times
    ]
    log.close()
    return ids


def test_a_receipt_says_all_that_the_sink_saw(tmp_path):
    (id_,) = write(tmp_path, "mx1", [5.5], InboxPlace(7, len(CONTENT)))
    (receipt,) = read_receipts(tmp_path)
    assert receipt.id == id_ == "mx1-0"
    assert (receipt.time, receipt.sink, receipt.peer_ip) == (5.5, "mx1", "127.0.1.1")
    assert (receipt.ehlo, receipt.tls, receipt.mail_from) == ("mta.lab.test", False, "a@b.test")
    assert receipt.rcpt_to == ("c@d.test",)
    assert receipt.message_id == "<1@lab.test>"
    assert (receipt.size, receipt.sha256) == (len(CONTENT), sha256(CONTENT).hexdigest())
    assert receipt.inbox == InboxPlace(7, len(CONTENT))


def test_receipts_come_sink_by_sink_and_go_on_after_a_restart(tmp_path):
    write(tmp_path, "mx2", [3])
    write(tmp_path, "mx1", [1, 2])
    write(tmp_path, "mx1", [4])
    found = list(read_receipts(tmp_path))
    assert [(r.sink, r.time) for r in found] == [("mx1", 1), ("mx1", 2), ("mx1", 4), ("mx2", 3)]
    assert [receipt_by_id(tmp_path, r.id) for r in found] == found
    assert [r.time for r in newest_receipts(tmp_path, "mx1")] == [4, 2, 1]


def test_a_receipt_is_in_the_file_before_the_log_is_closed(tmp_path):
    log = ReceiptLog(tmp_path, "mx1")
    log.accepted(PEER, "", ["c@d.test"], CONTENT, time=1, inbox=None)
    assert len(list(read_receipts(tmp_path))) == 1
    log.close()
    log.close()


def test_no_receipts_are_no_error(tmp_path):
    assert list(read_receipts(tmp_path)) == []
    assert list(read_refusals(tmp_path)) == []
    assert list(newest_receipts(tmp_path, "mx1")) == []


def test_a_torn_last_line_is_passed_over_and_told(tmp_path):
    write(tmp_path, "mx1", [1, 2])
    path = tmp_path / "receipts" / "mx1.jsonl"
    os.truncate(path, path.stat().st_size - 20)
    receipts = read_receipts(tmp_path)
    assert [r.time for r in receipts] == [1]
    assert receipts.torn == [path]
    assert [r.time for r in newest_receipts(tmp_path, "mx1")] == [1]


def test_a_torn_last_line_is_cut_off_at_the_next_start(tmp_path):
    write(tmp_path, "mx1", [1, 2])
    path = tmp_path / "receipts" / "mx1.jsonl"
    os.truncate(path, path.stat().st_size - 20)
    write(tmp_path, "mx1", [3])
    receipts = read_receipts(tmp_path)
    assert [r.time for r in receipts] == [1, 3]
    assert receipts.torn == []


@pytest.mark.parametrize("bad", [b"{]", b"[1]", b"{}", b'{"time": "soon"}', b""])
def test_any_other_bad_line_is_an_error_that_names_file_and_line(tmp_path, bad):
    write(tmp_path, "mx1", [1])
    path = tmp_path / "receipts" / "mx1.jsonl"
    path.write_bytes(path.read_bytes() + bad + b"\n" + path.read_bytes())
    with pytest.raises(DamagedReceipts, match=r"mx1\.jsonl:2"):
        list(read_receipts(tmp_path))
    with pytest.raises(DamagedReceipts, match=r"mx1\.jsonl: byte \d+"):
        list(newest_receipts(tmp_path, "mx1"))


@pytest.mark.parametrize(
    "id_", ["mx1-1", "mx1-99999", "mx9-0", "mx1", "mx1-", "-0", "mx1-x", "../mx1-0"]
)
def test_an_id_that_no_receipt_has_is_the_users_mistake(tmp_path, id_):
    write(tmp_path, "mx1", [1])
    with pytest.raises(NoSuchMessage, match="has received"):
        receipt_by_id(tmp_path, id_)


def test_a_sinks_name_may_hold_dashes(tmp_path):
    (id_,) = write(tmp_path, "mx-a-1", [1])
    assert receipt_by_id(tmp_path, id_).sink == "mx-a-1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Message-ID: <a@b>\r\n", "<a@b>"),
        (b"MESSAGE-id:<a@b>\r\n", "<a@b>"),
        (b"Message-ID:\r\n <a@b>\r\n", "<a@b>"),
        (b"Message-ID:\r\nX: <no@b>\r\n", None),
        (b"X-Message-ID: <no@b>\r\n", None),
        (b"", None),
        (b"\r\nMessage-ID: <no@b>\r\n", None),
        (b"Message-ID: bare\r\n", "bare"),
    ],
)
def test_the_message_id_is_that_of_the_header(tmp_path, header, expected):
    log = ReceiptLog(tmp_path, "mx1")
    log.accepted(
        PEER, "", ["a@b.test"], header + b"\r\nMessage-ID: <body@b>\r\n", time=1, inbox=None
    )
    log.close()
    assert next(read_receipts(tmp_path)).message_id == expected


def test_refusals_are_written_beside_the_receipts(tmp_path):
    log = ReceiptLog(tmp_path, "mx1")
    log.refused(PEER, "rcpt", "a@b.test", ["c@d.test"], "550 5.1.1 No", time=1)
    log.refused(PEER, "connect", None, [], None, time=2)
    log.close()
    assert list(read_receipts(tmp_path)) == []
    first, second = read_refusals(tmp_path)
    assert (first.stage, first.rcpt_to, first.reply) == ("rcpt", ("c@d.test",), "550 5.1.1 No")
    assert (second.sink, second.mail_from, second.reply) == ("mx1", None, None)


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_environment(tmp_path):
    (tmp_path / "receipts").write_text("in the way")
    with pytest.raises(SinkFilesUnusable, match="cannot open"):
        ReceiptLog(tmp_path, "mx1")


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    file = AppendFile(tmp_path / "x.jsonl", lines=True)
    file.append(b"one\n")
    whole_write = os.write

    def half_write(fd, piece):
        if len(piece) > 4:
            return whole_write(fd, piece[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half_write)
    with pytest.raises(OSError, match="No space"):
        file.append(b"two two\n")
    monkeypatch.undo()
    assert file.append(b"three\n") == 4
    file.close()
    assert file.path.read_bytes() == b"one\nthree\n"


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 30), st.integers(1, 50))
def test_lines_are_the_same_backward_as_forward(tmp_path_factory, sizes, torn, block):
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    lines = [orjson.dumps({"n": n, "x": "y" * size}) + b"\n" for n, size in enumerate(sizes)]
    path.write_bytes(b"".join(lines) + b"{" * torn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_BLOCK", block)
        backward = list(read_lines_backward(path))
    found = []
    forward = [(offset, fields) for offset, _, fields in read_lines(path, found.append)]
    assert backward == forward[::-1]
    assert bool(found) == bool(torn)
