"""A worker that was stopped past its lease and wakes: it sends and writes nothing any more.

On its own host it would be killed before its journal is read (test_pipeline_faults.py). This one
passes for a process of another machine, which nobody here can kill: the lease and the epoch are
all that stands between it and a second delivery.
"""

import os
import signal
import sqlite3
from contextlib import closing

import psutil
import pytest

from store import modules
from tests.crash.points import OF_A_WORKER
from tests.crash.scene import TEXT
from tests.fakes.running_lab import RunningLab
from world.crash import HOW, VARIABLE

MANY = 240


@pytest.fixture
def lab(tmp_path):
    lab = RunningLab(tmp_path, text=TEXT)
    yield lab
    lab.close()


def stopped_at(lab, point):
    """Start the lab, and wait for a worker to stop at the point."""
    mark = lab.folder / "stopped"
    lab.start(**{VARIABLE: f"{point}:20:{mark}", HOW: "STOP"})
    lab.wait(lambda: mark.exists() and mark.read_text() != "", "one is stopped")
    pid = int(mark.read_text())
    [worker] = [each for each in lab.workers() if each.pid == pid]
    database = lab.loaded.directory / "lab.db"
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute("UPDATE worker SET host = 'elsewhere' WHERE id = ?", (worker.id,))
    return worker


def state_of(lab, worker):
    return {each.id: each.state for each in lab.store.read_now(modules.all_workers)}[worker.id]


def test_a_worker_that_wakes_after_its_lease_writes_and_sends_nothing(lab):
    delivery = lab.submit(MANY)
    stale = stopped_at(lab, "worker.before_body")
    process = psutil.Process(stale.pid)
    lab.wait(lambda: state_of(lab, stale) == modules.DEAD, "it is declared dead")
    lab.wait(lambda: lab.sent(delivery) == MANY, "the other one sends the rest")
    assert process.status() == psutil.STATUS_STOPPED, "nobody killed it"
    messages, peers = lab.messages(delivery), lab.peers()

    os.kill(stale.pid, signal.SIGCONT)
    lab.wait(lambda: stale.pid not in {each.pid for each in lab.processes()}, "it leaves")
    assert lab.messages(delivery) == messages, "it wrote nothing"
    assert lab.peers() == peers, "it sent nothing"
    assert "its leases were lost: others have its mail now" in lab.said()
    lab.wait(lambda: len(lab.workers()) == 2, "another takes its place")
    found = lab.reconciled()
    assert found.is_ok(OF_A_WORKER), "only what was at the receivers is doubled"
    assert lab.down() == 0
