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

from store import modules
from tests.fakes.running_lab import running_lab

MANY = 800


def stop_outside_a_write(lab, pid):
    """SIGSTOP, but not while it has the database's write lock."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(database(lab), timeout=0.2)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
        else:
            return


def database(lab):
    return lab.loaded.directory / "lab.db"


def move_to_another_host(lab, worker):
    with closing(sqlite3.connect(database(lab), timeout=30)) as connection, connection:
        connection.execute("UPDATE worker SET host = 'elsewhere' WHERE id = ?", (worker.id,))


def state_of(lab, worker):
    return {each.id: each.state for each in lab.store.read_now(modules.all_workers)}[worker.id]


def test_a_worker_that_wakes_after_its_lease_writes_and_sends_nothing(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        lab.wait(lambda: lab.sent(delivery) > MANY // 8, "some are sent")
        stale = lab.workers()[0]
        process = psutil.Process(stale.pid)
        stop_outside_a_write(lab, stale.pid)
        move_to_another_host(lab, stale)
        assert lab.counts(delivery)["pending"] > MANY // 8, "it was over too soon"

        lab.wait(lambda: state_of(lab, stale) == modules.DEAD, "it is declared dead")
        lab.wait(lambda: lab.sent(delivery) == MANY, "the other one sends the rest")
        assert process.status() == psutil.STATUS_STOPPED, "nobody killed it"
        messages, peers = lab.messages(delivery), lab.peers()

        os.kill(stale.pid, signal.SIGCONT)
        lab.wait(lambda: not process.is_running() or process.pid not in pids_of(lab), "it leaves")
        assert lab.messages(delivery) == messages, "it wrote nothing"
        assert lab.peers() == peers, "it sent nothing"
        assert "its leases were lost: others have its mail now" in lab.said()
        lab.wait(lambda: len(lab.workers()) == 2, "another takes its place")
        found = lab.reconciled()
        assert found.is_ok(duplicates_allowed=2 * 4), "only what was at the receivers is doubled"
        assert lab.down() == 0


def pids_of(lab):
    return {each.pid for each in lab.processes()}
