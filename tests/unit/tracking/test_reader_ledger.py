"""The ledger: nothing is done twice, and nothing is passed over in silence."""

from dataclasses import replace

import pytest

from sinks.append_file import AppendFile
from tracking.readers.errors import DamagedLedger
from tracking.readers.ledger import Entry, Ledger, Result, entries

ENTRY = Entry(
    key="<1.2@l> a@b.test click.recipient.0 0",
    at=1.0,
    answered_at=None,
    act="click",
    who="recipient",
    is_machine=False,
    persona="eager",
    recipient="a@b.test",
    delivery_id=1,
    message_id=2,
    receipt="inbox-0",
    request=0,
    is_last=True,
    method="GET",
    url="http://127.0.0.1:8026/r/x",
)


def ledger(folder):
    return Ledger(folder, lambda path: AppendFile(path, lines=True))


def killed(made):
    """The kernel closes its files, and nothing else."""
    made.close()


def test_what_was_written_is_over_for_the_next_process(tmp_path):
    first = ledger(tmp_path)
    first.begin(ENTRY)
    first.write(replace(ENTRY, status=302, cookie="a=b"))
    killed(first)
    second = ledger(tmp_path)
    assert second.is_over(ENTRY.act_key)
    assert second.cookies == {("a@b.test", "recipient"): ["a=b"]}
    assert [each.status for each in entries(tmp_path)] == [302]


def test_what_was_begun_is_in_doubt_and_not_done_again(tmp_path):
    first = ledger(tmp_path)
    first.begin(ENTRY)
    killed(first)
    second = ledger(tmp_path)
    assert second.is_over(ENTRY.act_key)
    assert [each.result for each in entries(tmp_path)] == [Result.DOUBT]
    killed(second)
    killed(ledger(tmp_path))
    assert len(list(entries(tmp_path))) == 1


def test_an_act_of_several_requests_goes_on_where_it_stood(tmp_path):
    first = ledger(tmp_path)
    first.write(replace(ENTRY, is_last=False))
    killed(first)
    second = ledger(tmp_path)
    assert not second.is_over(ENTRY.act_key)
    assert second.is_done(ENTRY.act_key, ENTRY.key)
    assert not second.is_done(ENTRY.act_key, ENTRY.key[:-1] + "1")
    assert second.requests(ENTRY.act_key) == 1


def test_a_torn_last_line_is_cut_off(tmp_path):
    first = ledger(tmp_path)
    first.write(ENTRY)
    killed(first)
    file = tmp_path / "readers" / "ledger.jsonl"
    file.write_bytes(file.read_bytes() + b'{"key": "half')
    assert len(list(entries(tmp_path))) == 1
    second = ledger(tmp_path)
    second.write(replace(ENTRY, key="other 0"))
    assert len(list(entries(tmp_path))) == 2


def test_a_line_that_is_none_is_told_with_its_place(tmp_path):
    killed(ledger(tmp_path))
    file = tmp_path / "readers" / "ledger.jsonl"
    file.write_bytes(b"{}\n")
    with pytest.raises(DamagedLedger) as told:
        list(entries(tmp_path))
    assert told.value.where.line == 1


def test_what_is_begun_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("tracking.readers.ledger._BEGUN_MAX", 10)
    made = ledger(tmp_path)
    for number in range(95):
        entry = replace(ENTRY, key=f"act{number} 0")
        made.begin(entry)
        made.write(entry)
    assert len((tmp_path / "readers" / "begun.jsonl").read_bytes().splitlines()) <= 10
