"""kill -9, stopped processes, locked databases: nothing is lost, and doubles are bounded."""

import contextlib
import os
import signal
import sqlite3
import time

import pytest

from mta.session.chunked import WINDOW_MAX
from store import modules
from tests.fakes.running_lab import CONFIGURATION, running_lab
from tests.fakes.shared_lab import shared_lab

IN_FLIGHT = 2 * 4 * 2 * WINDOW_MAX  # workers, connections per lane, source IPs, on each
MANY = 1200


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with shared_lab(tmp_path_factory, CONFIGURATION) as shared:
        yield shared


@pytest.fixture
def lab(shared, request):
    with shared.of_test(request) as lab:
        yield lab


def half_way(lab):
    """A delivery that is being sent, and the account of what was before it."""
    before = lab.reconciled()
    delivery = lab.submit(MANY)
    lab.wait(lambda: lab.sent(delivery) > MANY // 8, "some are sent")
    assert lab.counts(delivery)["pending"] > MANY // 12, "it was over too soon to kill anything"
    return delivery, before


def all_arrive(lab, delivery, before, *, doubled=0):
    lab.wait(lambda: lab.sent(delivery) == MANY, "all are sent")
    found = lab.reconciled()
    assert found.messages - before.messages == found.sent - before.sent == MANY
    assert not (found.lost.count)
    assert not (found.unmarked.count)
    assert not (found.in_doubt.count)
    assert not (found.wrong_ip.count)
    assert found.duplicated.count - before.duplicated.count <= doubled


def test_a_killed_worker_loses_nothing_and_doubles_only_what_was_in_flight(lab):
    begun = half_way(lab)
    killed = lab.workers()[0]
    os.kill(killed.pid, signal.SIGKILL)
    all_arrive(lab, *begun, doubled=IN_FLIGHT)
    states = {each.id: each.state for each in lab.store.read_now(modules.all_workers)}
    assert states[killed.id] == modules.DEAD
    lab.wait(lambda: len(lab.workers()) == 2, "another worker takes its place")


def test_a_killed_scheduler_is_replaced_and_the_rest_goes_on(lab):
    begun = half_way(lab)
    pid = lab.pid_of("scheduler")
    os.kill(pid, signal.SIGKILL)
    all_arrive(lab, *begun)  # no worker died, so nothing is doubled
    lab.wait(lambda: lab.pid_of("scheduler") not in {None, pid}, "another one takes its place")


def test_a_killed_parent_takes_its_workers_along_and_leaves_no_one_behind(lab):
    begun = half_way(lab)
    [instance] = lab.store.read_now(modules.instances)
    orphans = {each.pid for each in lab.workers()}
    os.kill(instance.pid, signal.SIGKILL)
    all_arrive(lab, *begun, doubled=IN_FLIGHT)
    lab.wait(lambda: not orphans & {each.pid for each in lab.processes()}, "the orphans have left")


def test_after_a_power_cut_of_all_processes_a_new_start_finishes_the_work(lab):
    begun = half_way(lab)
    lab.kill_everything()
    lab.up()
    all_arrive(lab, *begun, doubled=IN_FLIGHT)


def stop_in_its_write(lab, worker):
    """SIGSTOP a worker at an instant when it has the database's write lock."""
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:  # it writes at least at each heartbeat
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            with write_lock(lab, wait_s=0.1):
                pass
        except sqlite3.OperationalError:
            return
        os.kill(worker.pid, signal.SIGCONT)
        time.sleep(0.001)
    raise AssertionError("it never wrote")


@contextlib.contextmanager
def write_lock(lab, wait_s=10.0):
    """Hold the write lock of a SQLite store, as a program that forgot to commit does."""
    connection = sqlite3.connect(lab.loaded.directory / "lab.db", timeout=wait_s)
    with contextlib.closing(connection):
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.rollback()


def test_a_worker_stopped_past_its_lease_is_replaced_and_frees_the_database(lab):
    begun = half_way(lab)
    stopped = lab.workers()[0]
    stop_in_its_write(lab, stopped)
    all_arrive(lab, *begun, doubled=IN_FLIGHT)
    lab.wait(lambda: stopped.id not in {each.id for each in lab.workers()}, "it is declared dead")


@pytest.mark.parametrize("seconds", [1.5, 4.5], ids=["in_its_lease", "past_its_lease"])
def test_a_database_that_is_locked_only_delays_and_costs_no_worker_its_life(lab, seconds):
    begun = half_way(lab)
    before = {each.id for each in lab.workers()}
    with write_lock(lab):
        time.sleep(seconds)
    all_arrive(lab, *begun)
    assert {each.id for each in lab.workers()} == before


def announce(lab, affinity):
    """Whether the workers and their instance follow a file that says this."""
    found = [*lab.workers(), *lab.store.read_now(modules.instances)]
    return {each.affinities for each in found} == {(affinity,)}


def test_a_reload_while_the_database_is_away_ends_nobody_and_is_followed_later(lab):
    before, text = {each.pid for each in lab.processes()}, lab.text
    with write_lock(lab):
        lab.write(text.replace('affinities = ["promo"]', 'affinities = ["other"]'))
        time.sleep(7)  # longer than a writer waits for the lock
    lab.wait(lambda: announce(lab, "other"), "instance and workers follow the file")
    lab.write(text)
    lab.wait(lambda: announce(lab, "promo"), "they follow it back")
    assert {each.pid for each in lab.processes()} == before


def test_workers_that_start_under_a_wrong_file_come_back_when_it_is_mended(lab):
    good, since = lab.text, len(lab.said())
    lab.write(good.replace("workers = 2", "workers = 0"))
    for each in lab.workers():
        os.kill(each.pid, signal.SIGKILL)
    lab.wait(lambda: lab.said(since).count("cannot run as configured") > 1, "they cannot start")
    lab.write(good)
    delivery = lab.submit(20, "b.test")
    lab.wait(lambda: lab.sent(delivery) == 20, "they start again and send")
    lab.wait(lambda: len(lab.workers()) == 2, "both")


def test_a_reload_and_a_stop_while_a_slow_receiver_thinks_double_nothing(tmp_path):
    text = CONFIGURATION.replace('data = "40ms"', 'data = "1500ms"')
    text = text.replace("workers = 2", "workers = 1")
    with running_lab(tmp_path, text=text) as lab:
        delivery = lab.submit(40)
        lab.wait(lambda: bool(lab.peers()), "some bodies are taken")
        lab.write(lab.text.replace('"127.0.1.1"', '"127.0.1.1", helo = "new.test"'))
        lab.wait(lambda: "following it" in lab.said(), "the file is followed")
        time.sleep(0.5)  # and by the workers, while their bodies are still at the receiver
        assert lab.down() == 0
        found = lab.reconciled()
        assert found.is_ok(), found
        assert 0 < found.receipts == lab.sent(delivery)
        assert list((lab.loaded.directory / "journal").iterdir()) == []
