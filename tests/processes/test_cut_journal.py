"""A journal that a crash left behind damaged and cut short: what can be read of it counts."""

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
    assert found.is_ok(duplicates_allowed=OF_ALL_WORKERS + 2)  # and the two whose records are gone
    assert not known & set(found.duplicated.samples), "what the journal still told is not doubled"
    assert lab.down() == 0


def test_a_record_that_is_damaged_or_cut_short_costs_itself_alone(crashed):
    file = fullest(crashed)
    first, *whole, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"\x00" * len(first[:-1]) + b"\n" + b"".join(whole) + last[:30])
    all_arrive(crashed, known_sent(crashed))
    told = [each.text for each in crashed.store.read_now(audit.entries)]
    assert any("1 damaged records left out" in each for each in told), "cut short is not damaged"
    assert journal.read(file.with_suffix(""))[1] == 1, "it is there to be looked at"
    assert {each.with_suffix("") for each in file.parent.iterdir()} == {file.with_suffix("")}
