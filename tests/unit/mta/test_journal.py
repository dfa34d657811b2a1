"""The outcome journal: what is read back after the writer's death."""

import pytest

from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from mta import journal
from store.transitions import Outcome


def outcome(message_id: int, attempt: int = 1) -> Outcome:
    verdict = Verdict(
        MessageEvent.DEFERRED, FailureType.SOFT, Reason.MAILBOX_FULL, 'full "ü" \\', 452, "4.2.2"
    )
    return Outcome(
        message_id=message_id,
        delivery_id=3,
        part_id=4,
        epoch=5,
        address="bücher@xn--bcher-kva.example",
        attempt=attempt,
        at=1_800_000_000.25,
        verdict=verdict,
        next_attempt_at=1_800_003_600.5,
        source_ip="127.0.1.1",
        mx_group="gmail",
        duration_ms=12.345,
        size_bytes=4096,
    )


def test_what_was_appended_is_read_back_whole(tmp_path):
    written = journal.Journal(tmp_path / "w")
    outcomes = [outcome(number) for number in range(5)]
    for each in outcomes:
        written.append([each])
    assert journal.read(tmp_path / "w") == (outcomes, 0)
    written.close(remove=True)
    assert journal.read(tmp_path / "w") == ([], 0)


def test_a_group_is_forgotten_without_what_came_after_it(tmp_path):
    written = journal.Journal(tmp_path / "w")
    written.append([outcome(1)])
    group = written.turn()
    written.append([outcome(2)])
    assert [each.message_id for each in journal.read(tmp_path / "w")[0]] == [1, 2]
    written.forget(group)
    written.append([outcome(3)])
    assert [each.message_id for each in journal.read(tmp_path / "w")[0]] == [2, 3]
    written.close(remove=False)


@pytest.mark.parametrize("cut", range(1, len(journal.encode(outcome(2)))))
def test_a_record_cut_short_anywhere_is_no_record(cut):
    whole = journal.encode(outcome(1))
    assert journal.decode_all(whole + journal.encode(outcome(2))[:-cut]) == ([outcome(1)], 0)


def test_both_files_are_read_in_order_of_message_and_attempt(tmp_path):
    written = journal.Journal(tmp_path / "w")
    written.append([outcome(7, attempt=2)])
    written.turn()
    written.append([outcome(7, attempt=1)])
    assert [each.attempt for each in journal.read(tmp_path / "w")[0]] == [1, 2]
    written.close(remove=True)


def test_a_damaged_line_costs_itself_alone_and_is_counted():
    torn = journal.encode(outcome(1))[:40] + journal.encode(outcome(2))
    content = torn + b"\x00\x00\n[]\n" + journal.encode(outcome(3))
    assert journal.decode_all(content) == ([outcome(3)], 3)


def test_a_record_that_does_not_fit_leaves_nothing_of_itself(tmp_path, monkeypatch):
    written = journal.Journal(tmp_path / "w")
    written.append([outcome(1)])
    whole_write = journal.os.write
    monkeypatch.setattr(journal.os, "write", lambda fd, data: whole_write(fd, data[:50]))
    with pytest.raises(OSError, match="No space"):
        written.append([outcome(2)])
    monkeypatch.undo()
    written.append([outcome(3)])
    assert journal.read(tmp_path / "w") == ([outcome(1), outcome(3)], 0)
    written.close(remove=True)
