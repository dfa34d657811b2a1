"""kill -9, stopped processes, bad servers: nothing is lost, and doubles are bounded."""

import os
import signal

from mail.reason import Reason
from mail.states import MessageStatus
from store import modules
from tests.fakes.running_lab import CONFIGURATION, free_ports, running_lab

CONNECTIONS = 2 * 4 * 2  # workers × connections per lane × source IPs: what may be in flight
MANY = 1200


def half_way(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) > MANY // 8, "some are sent")
    assert lab.counts(delivery)["pending"] > MANY // 4, "it was over too soon to kill anything"


def all_arrive(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) == MANY, "all are sent")
    found = lab.reconciled()
    assert found.messages == found.sent == MANY
    assert not (found.lost.count or found.unmarked.count or found.wrong_ip.count)
    assert found.duplicated.count <= CONNECTIONS
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


def test_a_worker_stopped_past_its_lease_is_replaced_and_can_write_nothing(tmp_path):
    with running_lab(tmp_path) as lab:
        delivery = lab.submit(MANY)
        half_way(lab, delivery)
        stopped = lab.workers()[0]
        os.kill(stopped.pid, signal.SIGSTOP)
        all_arrive(lab, delivery)
        lab.wait(
            lambda: stopped.id not in {each.id for each in lab.workers()}, "it is declared dead"
        )


def test_servers_that_refuse_talk_nonsense_or_say_nothing_only_defer_their_own_mail(tmp_path):
    [closed] = free_ports(1)
    text = CONFIGURATION.replace(
        "[sink.a]",
        f'[route.closed]\ndomains = ["closed.test"]\nhost = "127.0.0.1:{closed}"\n[sink.a]',
    )
    with running_lab(tmp_path, text=text) as lab:
        bad = lab.submit(10, "closed.test")
        good = lab.submit(50, "b.test")
        lab.wait(lambda: lab.sent(good) == 50, "the others go on")
        lab.wait(lambda: any(each.attempts > 1 for each in lab.messages(bad)), "it is retried")
        for each in lab.messages(bad):
            assert each.status is MessageStatus.PENDING
            if each.attempts:
                assert each.reason is Reason.UNREACHABLE
                assert "refused" in (each.reply or "").lower()


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
            each["cause"] for each in lab.json("status")["queues"] if each["delivery_id"] == stuck
        }
        assert causes == {"no worker's host can send from 192.0.2.9"}
        assert set(lab.peers()) <= {"127.0.1.1", "127.0.1.2"}


def test_what_is_past_its_validity_ends_and_says_so(tmp_path):
    text = CONFIGURATION.replace('validity = "10m"', 'validity = "3s"')
    with running_lab(tmp_path, text=text) as lab:
        untried = lab.submit(5, "nowhere.test")
        lab.wait(lambda: lab.counts(untried)["cancelled"] == 5, "the untried are cancelled")
        people = lab.folder / "people.csv"
        people.write_text("address,name\ndefer99x@b.test,N\n")
        tried = lab.json("submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo")["delivery"]
        lab.wait(lambda: lab.counts(tried)["failed"] == 1, "the tried one fails")
        assert {each.reason for each in lab.messages(tried)} == {Reason.EXPIRED}
