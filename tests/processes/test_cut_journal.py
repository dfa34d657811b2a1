"""Journals that a crash left behind damaged: what can be read of them counts."""

import pytest

from mta import journal
from store import audit
from tests.crash.known import known_sent
from tests.crash.points import OF_ALL_WORKERS, point
from tests.crash.scene import TEXT
from tests.fakes.running_lab import RunningLab
from world.crash import HOW, VARIABLE

MANY = 240


@pytest.fixture
def crashed(tmp_path):
    """A lab all of whose processes died while outcomes were in a journal and not in the store."""
    lab = RunningLab(tmp_path, text=TEXT)
    lab.submit(MANY)
    where = point("worker.journalled")
    mark = tmp_path / "crashed"
    lab.start(**{VARIABLE: f"{where.name}:{where.nth}:{mark}", HOW: "STOP"})
    lab.wait(mark.exists, "the crash")
    lab.kill_everything()
    yield lab
    lab.close()


def fullest(lab):
    """The journal file that holds most."""
    files = (lab.loaded.directory / "journal").glob("*")
    return max(files, key=lambda each: each.stat().st_size)


def all_arrive(lab, known):
    lab.up()
    lab.wait(lambda: lab.sent(1) == MANY, "all are sent")
    found = lab.reconciled()
    assert found.is_ok(duplicates_allowed=OF_ALL_WORKERS + 1)  # and the one whose record is gone
    assert not known & set(found.duplicated.samples), "what the journal still told is not doubled"
    assert lab.down() == 0


def test_one_that_is_cut_short_in_the_middle_of_a_record_costs_that_record_alone(crashed):
    file = fullest(crashed)
    records = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(records[:-1]) + records[-1][:30])
    all_arrive(crashed, known_sent(crashed))
    assert list((crashed.loaded.directory / "journal").iterdir()) == []


def test_one_with_a_damaged_record_is_kept_and_the_audit_tells_of_it(crashed):
    file = fullest(crashed)
    records = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"\x00" * 20 + b"\n" + b"".join(records[1:]))
    all_arrive(crashed, known_sent(crashed))
    assert any(
        "1 damaged records left out" in each.text for each in crashed.store.read_now(audit.entries)
    )
    assert journal.read(file.with_suffix(""))[1] == 1, "it is there to be looked at"
