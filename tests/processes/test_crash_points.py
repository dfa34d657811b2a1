"""Some rows of the crash matrix; `make crash-matrix` runs all of them on both databases."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.points import ELSEWHERE, POINTS, point
from tests.crash.scene import crash
from world.crash import HOW, VARIABLE

ROOT = Path(__file__).parents[2]
ROOMS = ("lab", "mta", "scheduler", "sinks", "store", "tracking")
SOME = ("worker.reply_heard", "sink.after_receipt", "submission.stored")
REACH = "from world.crash import reach; [reach('here') for _ in range(3)]; print('alive')"


@pytest.mark.parametrize("name", SOME)
def test_nothing_is_lost_where_a_process_dies(tmp_path, name):
    seen = crash(point(name), tmp_path, None)
    assert seen.is_as_promised(point(name)), seen


@pytest.mark.postgresql
def test_a_migration_that_is_cut_off_is_done_by_the_next_one(tmp_path, postgresql_server):
    with postgresql_server.database() as url:
        seen = crash(point("store.migrating"), tmp_path, url)
    assert seen.is_as_promised(point("store.migrating")), seen


def test_the_matrix_has_every_point_of_the_code():
    sources = (file.read_text() for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    reached = [name for text in sources for name in re.findall(r'\breach\("([\w.]+)"\)', text)]
    mine = [each for each in reached if each not in ELSEWHERE]
    assert sorted(mine) == sorted(each.name for each in POINTS)
    assert {*reached} >= {*ELSEWHERE}


def test_a_point_is_died_at_once_and_only_where_it_is_armed(tmp_path):
    def end(armed):
        environ = {**os.environ, VARIABLE: armed}
        return subprocess.run(
            [sys.executable, "-c", REACH], env=environ, capture_output=True, check=False
        )

    assert end("").stdout == b"alive\n"
    assert end(f"elsewhere:1:{tmp_path / 'a'}").stdout == b"alive\n"
    assert end(f"here:4:{tmp_path / 'b'}").stdout == b"alive\n"
    assert end(f"here:3:{tmp_path / 'c'}").returncode == -9
    assert end(f"here:3:{tmp_path / 'c'}").stdout == b"alive\n", "the mark is there: once is enough"


def test_one_that_only_stops_there_goes_on_when_it_is_let(tmp_path):
    mark = tmp_path / "mark"
    environ = {**os.environ, VARIABLE: f"here:2:{mark}", HOW: "STOP"}
    process = subprocess.Popen(
        [sys.executable, "-c", REACH], env=environ, stdout=subprocess.PIPE, cwd=ROOT
    )
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert mark.read_text() == str(process.pid)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=60)[0] == b"alive\n"
