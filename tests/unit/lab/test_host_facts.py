"""What is seen of the machine when the store hears nobody."""

import contextlib
import os
import socket
import sqlite3

import pytest

from lab import host_facts as module
from lab.host_facts import host_facts
from mail.outcome import Verdict
from mail.states import MessageEvent
from monitor.why.host import HostFacts
from mta.journal import Journal
from store import modules
from store.schema import open_store
from store.transitions import Outcome

NOW = 1_750_000_000.0
NOBODY = 2**22 + 1  # above the largest number that a process has here


@pytest.fixture
def store(migrated_file, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    file = tmp_path / "lab.db"
    file.write_bytes(migrated_file.read_bytes())
    with contextlib.closing(open_store(f"sqlite:///{file}")) as opened:
        yield opened


def announce(store, at, pid=None, journal="none"):
    process = modules.Process(socket.gethostname(), pid or os.getpid(), 1)
    store.write_now(modules.announce_module, "scheduler", process, "", at)
    store.write_now(modules.register_worker, "m1", ["promo"], journal, process, at)


def test_while_all_are_heard_nothing_is_looked_at(store):
    announce(store, NOW - 1)
    assert host_facts(store, NOW) == HostFacts()


def test_who_is_gone_is_not_said_to_run(store):
    announce(store, NOW - 60, NOBODY)
    assert host_facts(store, NOW) == HostFacts()


def test_a_store_that_another_program_locks_is_the_trouble_of_those_who_run(store, tmp_path):
    announce(store, NOW - 60)
    with contextlib.closing(sqlite3.connect(tmp_path / "lab.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        found = host_facts(store, NOW)
    assert found.running == {"scheduler", "mta@m1-1"}
    assert "locked" in found.store_trouble


def test_those_who_run_and_whom_nobody_hears_cannot_write(store):
    announce(store, NOW - 60)
    assert host_facts(store, NOW).store_trouble == (
        "mta@m1-1, scheduler run, and nothing of them has reached it for 1 min; their logs say why"
    )


def test_one_who_is_silent_among_others_is_no_trouble_of_the_store(store):
    announce(store, NOW - 60)
    process = modules.Process(socket.gethostname(), os.getpid(), 1)
    store.write_now(modules.announce_instance, "m1", ["promo"], 1, process, NOW)
    found = host_facts(store, NOW)
    assert (found.store_trouble, found.running) == (None, {"scheduler", "mta@m1-1"})


def test_a_disk_without_room_is_named(store, monkeypatch):
    announce(store, NOW - 60)
    monkeypatch.setattr(module, "ROOM_BYTES", 2**62)
    assert "no space is left" in host_facts(store, NOW).store_trouble


def test_the_journal_of_a_silent_worker_is_read(store, tmp_path):
    journal = Journal(tmp_path / "m1")
    verdict = Verdict(MessageEvent.ACCEPTED, None, None, "ok", 250)
    for number in (3, 5):
        journal.append(
            [Outcome(number, 1, 1, 1, "a@b.test", 1, NOW, verdict, None, "i", "g", 1.0, 1)]
        )
    announce(store, NOW - 60, NOBODY, str(tmp_path / "m1"))
    [(worker, known)] = host_facts(store, NOW).journals.items()
    assert (worker, known.message_ids) == (1, (3, 5))
    assert host_facts(store, NOW - 58).journals == {}, "one that is heard tells by itself"
    journal.close(remove=True)
    assert host_facts(store, NOW).journals == {}
