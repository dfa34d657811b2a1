"""Some rows of the crash matrix; `make crash-matrix` runs all of them on both databases."""

import os
import subprocess
import sys

import pytest

from tests.crash.points import POINTS
from tests.crash.scene import crash
from world.crash import VARIABLE

SOME = ("worker.reply_heard", "sink.after_receipt", "submission.stored")
REACH = "from world.crash import reach; [reach('here') for _ in range(3)]; print('alive')"


@pytest.mark.parametrize("name", SOME)
def test_nothing_is_lost_where_a_process_dies(tmp_path, name):
    [point] = [each for each in POINTS if each.name == name]
    seen = crash(point, tmp_path, None)
    assert seen.lost == 0
    assert seen.doubled <= point.doubles


@pytest.mark.postgresql
def test_a_migration_that_is_cut_off_is_done_by_the_next_one(tmp_path, postgresql_server):
    [point] = [each for each in POINTS if each.name == "store.migrating"]
    with postgresql_server.database() as url:
        seen = crash(point, tmp_path, url)
    assert (seen.lost, seen.doubled) == (0, 0)


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
