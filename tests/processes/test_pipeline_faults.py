"""kill -9, stopped processes, bad servers: nothing is lost, and doubles are bounded."""

import contextlib
import os
import signal
import sqlite3
import time

from mail.reason import Reason
from mail.states import MessageStatus
from mta.session.chunked import WINDOW_MAX
from store import modules
from tests.fakes.odd_server import odd_server
from tests.fakes.running_lab import CONFIGURATION, free_ports, running_lab

IN_FLIGHT = 2 * 4 * 2 * WINDOW_MAX  # workers, connections per lane, source IPs, on each
MANY = 1200


def half_way(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) > MANY // 8, "some are sent")
    assert lab.counts(delivery)["pending"] > MANY // 12, "it was over too soon to kill anything"


def all_arrive(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) == MANY, "all are sent")
    found = lab.reconciled()
    assert found.messages == found.sent == MANY
    assert not (found.lost.count)
    assert not (found.unmarked.count)
    assert not (found.wrong_ip.count)
    assert found.duplicated.count <= IN_FLIGHT
    return found


def test_a_killed_worker_loses_nothing_and_doubles_only_what_was_in_flight(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        killed = lab.workers()[0]
        os.kill(killed.pid, signal.SIGKILL)
        all_arrive(lab, delivery)
        states = {each.id: each.state for each in lab.store.read_now(modules.all_workers)}
        assert states[killed.id] == modules.DEAD
        lab.wait(lambda: len(lab.workers()) == 2, "another worker takes its place")
        assert lab.down() == 0


def test_a_killed_scheduler_is_replaced_and_the_rest_goes_on(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        pid = lab.pid_of("scheduler")
        os.kill(pid, signal.SIGKILL)
        found = all_arrive(lab, delivery)
        assert found.is_ok(), "no worker died, so nothing is doubled"
        lab.wait(lambda: lab.pid_of("scheduler") not in {None, pid}, "another one takes its place")


def test_a_killed_parent_takes_its_workers_along_and_leaves_no_one_behind(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        [instance] = lab.store.read_now(modules.instances)
        orphans = {each.pid for each in lab.workers()}
        os.kill(instance.pid, signal.SIGKILL)
        all_arrive(lab, delivery)
        lab.wait(
            lambda: not orphans & {each.pid for each in lab.processes()}, "the orphans have left"
        )
        assert lab.down() == 0
        assert lab.processes() == []


def test_after_a_power_cut_of_all_processes_a_new_start_finishes_the_work(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        lab.kill_everything()
        lab.up()
        all_arrive(lab, delivery)


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


def test_a_worker_stopped_past_its_lease_is_replaced_and_frees_the_database(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        stopped = lab.workers()[0]
        stop_in_its_write(lab, stopped)
        all_arrive(lab, delivery)
        lab.wait(
            lambda: stopped.id not in {each.id for each in lab.workers()}, "it is declared dead"
        )


def test_a_database_that_is_locked_for_seconds_only_delays(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        before = {each.id for each in lab.workers()}
        with write_lock(lab):
            time.sleep(1.5)  # less than the lease: nobody is taken for dead
        assert all_arrive(lab, delivery).is_ok(), "nothing is doubled"
        assert {each.id for each in lab.workers()} == before


def test_a_database_locked_for_longer_than_a_lease_costs_no_worker_its_life(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        before = {each.id for each in lab.workers()}
        with write_lock(lab):
            time.sleep(4.5)
        assert all_arrive(lab, delivery).is_ok(), "nothing is doubled"
        assert {each.id for each in lab.workers()} == before


def test_a_reload_while_the_database_is_away_ends_nobody_and_is_followed_later(tmp_path):
    with running_lab(tmp_path) as lab:
        before = {each.pid for each in lab.processes()}
        with write_lock(lab):
            lab.write(lab.text.replace('affinities = ["promo"]', 'affinities = ["other"]'))
            time.sleep(7)  # longer than a writer waits for the lock
        lab.wait(
            lambda: all(each.affinities == ("other",) for each in lab.workers()),
            "the workers follow the file",
        )
        lab.wait(
            lambda: (
                [each.affinities for each in lab.store.read_now(modules.instances)] == [("other",)]
            ),
            "the instance announces what it follows",
        )
        assert {each.pid for each in lab.processes()} == before


def test_workers_that_start_under_a_wrong_file_come_back_when_it_is_mended(tmp_path):
    with running_lab(tmp_path) as lab:
        good = lab.text
        lab.write(good.replace("workers = 2", "workers = 0"))
        for each in lab.workers():
            os.kill(each.pid, signal.SIGKILL)
        lab.wait(lambda: lab.said().count("cannot run as configured") > 1, "they cannot start")
        lab.write(good)
        delivery = lab.submit(20, "b.test")
        lab.wait(lambda: lab.sent(delivery) == 20, "they start again and send")
        lab.wait(lambda: len(lab.workers()) == 2, "both")


def test_a_reload_and_a_stop_while_a_slow_receiver_thinks_double_nothing(tmp_path):
    text = CONFIGURATION.replace('data = "40ms"', 'data = "1500ms"')
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


def test_servers_that_refuse_talk_nonsense_or_say_nothing_only_defer_their_own_mail(tmp_path):
    [closed] = free_ports(1)
    with odd_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http, odd_server(b"") as mute:
        rooms = (("closed", closed), ("http", http), ("mute", mute))
        routes = "".join(
            f'[route.{name}]\ndomains = ["{name}.test"]\nhost = "127.0.0.1:{port}"\n'
            for name, port in rooms
        )
        impatient = '[[mx_rule]]\nmask = "mute.test"\ngreeting_timeout = "500ms"\n'
        text = CONFIGURATION.replace("[sink.a]", f"{routes}{impatient}[sink.a]")
        with running_lab(tmp_path, text=text) as lab:
            bad = {name: lab.submit(10, f"{name}.test") for name, _ in rooms}
            good = lab.submit(50, "b.test")
            lab.wait(lambda: lab.sent(good) == 50, "the others go on")
            for delivery in bad.values():
                lab.wait(
                    lambda delivery=delivery: any(
                        each.attempts > 1 for each in lab.messages(delivery)
                    ),
                    "it is retried",
                )
            replies = {
                name: {each.reply for each in lab.messages(delivery) if each.attempts}
                for name, delivery in bad.items()
            }
            for delivery in bad.values():
                assert {each.status for each in lab.messages(delivery)} == {MessageStatus.PENDING}
            reasons = {
                name: {each.reason for each in lab.messages(delivery) if each.attempts}
                for name, delivery in bad.items()
            }
            unreachable, nonsense = {Reason.UNREACHABLE}, {Reason.PROTOCOL}
            assert reasons == {"closed": unreachable, "http": nonsense, "mute": unreachable}
            assert all("refused" in each.lower() for each in replies["closed"])
            assert all("HTTP/1.1 400" in each for each in replies["http"])
            assert all("Timed out" in each for each in replies["mute"])


def test_an_ip_that_this_host_does_not_have_sends_nothing_and_nothing_goes_instead(tmp_path):
    text = CONFIGURATION.replace("127.0.1.9", "192.0.2.9").replace(
        'affinities = ["promo"]', 'affinities = ["promo", "other"]'
    )
    with running_lab(tmp_path, text=text) as lab:
        stuck = lab.submit(10, "b.test", affinity="other")
        good = lab.submit(10, "b.test")
        lab.wait(lambda: lab.sent(good) == 10, "the others go on")
        assert lab.counts(stuck) == {"pending": 10}
        causes = {
            each["code"] for each in lab.json("status")["queues"] if each["delivery_id"] == stuck
        }
        assert causes == {"source_ip_unavailable"}
        assert set(lab.peers()) <= {"127.0.1.1", "127.0.1.2"}


def test_what_is_past_its_validity_ends_and_says_so(tmp_path):
    text = CONFIGURATION.replace('validity = "10m"', 'validity = "3s"')
    with running_lab(tmp_path, text=text) as lab:
        untried = lab.submit(5, "nowhere.test")
        people = lab.folder / "people.csv"
        people.write_text("address,name\ndefer99x@b.test,N\n")
        tried = lab.json("submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo")["delivery"]
        lab.wait(lambda: lab.counts(untried)["cancelled"] == 5, "the untried are cancelled")
        lab.wait(lambda: lab.counts(tried)["failed"] == 1, "the tried one fails")
        assert {each.reason for each in lab.messages(tried)} == {Reason.EXPIRED}
