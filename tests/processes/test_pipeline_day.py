"""A day of a lab in real processes: start, submit, look, change, stop; on both databases."""

import re
import smtplib
import socket
from pathlib import Path

import orjson
import pytest

from mail.states import MessageStatus
from store import leases, modules
from tests.fakes.running_lab import CONFIGURATION, WITH_SUBMISSION, RunningLab, running_lab
from tests.fakes.shared_lab import shared_lab


def test_the_demo_accounts_for_every_message_and_prints_one_object(tmp_path):
    lab = RunningLab(tmp_path)
    done = lab.run("demo", "--json")
    lab.close()
    assert done.returncode == 0, done.stderr.decode()
    found = orjson.loads(done.stdout)
    wanted = {
        "messages", "sent", "failed", "pending", "ignored", "seconds", "messages_per_hour",
        "bits_per_second", "by_source_ip", "by_worker", "reconcile",
    }  # fmt: skip
    assert wanted <= found.keys()
    assert found["messages"] == 2000
    assert found["pending"] == 0
    assert sum(found[str(status)] for status in MessageStatus) == 2000
    assert found["reconcile"]["ok"]
    accepted = found["reconcile"]["receipts"]
    # Some of what was accepted bounces later, or is complained of; people's replies change nothing.
    assert found["sent"] < accepted <= found["sent"] + found["bounces_async"]
    for key in ("by_source_ip", "by_worker"):
        tallies = found[key].values() if isinstance(found[key], dict) else found[key]
        assert sum(each["sent"] for each in tallies) == accepted
    assert min(found[each] for each in ("opens", "clicks", "unsubscribes")) > 0
    assert found["tracking"]["ok"]
    assert len(found["by_worker"]) == 4
    assert len(found["by_source_ip"]) == 5


def test_an_imported_configuration_runs_a_demo_with_its_affinities(tmp_path):
    lab = RunningLab(tmp_path)
    example = Path(__file__).parents[2] / "examples" / "serverConf.xml"
    assert lab.call("config", "import", str(example), "--out", "imported.toml").returncode == 0
    done = lab.run("demo", "--json", "--config", "imported.toml")
    lab.close()
    assert done.returncode == 0, done.stderr.decode()
    found = orjson.loads(done.stdout)
    assert found["reconcile"]["ok"]
    used = {each["affinity"] for each in found["by_source_ip"] if each["sent"]}
    assert used == {"promo;mid.Promo", "agreed", "service"}
    assert sum(each["sent"] for each in found["by_source_ip"]) == found["reconcile"]["receipts"]
    only = {
        each["source_ip"]
        for each in found["by_source_ip"]
        if each["affinity"] == "agreed" and each["sent"]
    }
    assert only == {"127.0.1.4", "127.0.1.5"}, "both, so by the domains that its masks name"


@pytest.mark.parametrize(
    "engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_from_up_to_ctrl_c_on_both_databases(tmp_path, engine, request):
    url = None
    with_database = None
    if engine == "postgresql":
        with_database = request.getfixturevalue("postgresql_server").database()
        url = with_database.__enter__()
    try:
        with running_lab(tmp_path, store_url=url, text=WITH_SUBMISSION) as lab:
            delivery = lab.submit(300)
            other = lab.submit(200, "b.test")
            an_application_sends(lab)
            lab.wait(lambda: lab.sent(delivery) == 300 and lab.sent(other) == 200, "all are sent")
            status = lab.json("status")
            assert {each["state"] for each in status["modules"]} == {"running"}
            assert lab.down() == 0
            assert lab.processes() == []
            assert lab.workers() == []
            assert list((lab.loaded.directory / "journal").iterdir()) == []
            found = lab.reconciled()
            assert found.is_ok()
            assert found.receipts == 500 + 3 + 2
            assert set(lab.peers()) == {"127.0.1.1", "127.0.1.2"}
            states = {each["name"]: each["state"] for each in lab.json("status")["modules"]}
            assert set(states.values()) == {"stopped"}
    finally:
        if with_database is not None:
            with_database.__exit__(None, None, None)


def an_application_sends(lab):
    """By SMTP: one that is put off once, and one that is large."""
    orders, big = 3, 4  # the numbers of their deliveries
    with smtplib.SMTP("127.0.0.1", lab.submission_port) as client:
        text = "X-Mtalab-Delivery: Orders\r\nSubject: Hi\r\n\r\nHello\r\n"
        client.sendmail("app@x.test", ["one@b.test", "defer1x@b.test", "two@a.test"], text)
    lab.wait(lambda: lab.sent(orders) == 3, "all are sent")
    large = "Subject: big\r\n\r\n" + "0123456789abcde\r\n" * 10_000
    with smtplib.SMTP("127.0.0.1", lab.submission_port) as client:
        client.sendmail("app@x.test", ["one@b.test", "two@b.test"], large)
    lab.wait(lambda: lab.sent(big) == 2, "the large one too")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with shared_lab(tmp_path_factory, CONFIGURATION.replace("40ms", "100ms")) as shared:
        yield shared


@pytest.fixture
def lab(shared, request):
    with shared.of_test(request) as lab:
        yield lab


def causes(lab, delivery):
    """Why it waits, by `mtalab status`."""
    queues = lab.json("status")["queues"]
    return {each["code"] for each in queues if each["delivery_id"] == delivery}


def test_an_affinity_that_is_taken_away_holds_its_mail_and_gives_it_back(lab):
    text, before = lab.text, lab.peers()
    lab.write(text.replace('affinities = ["promo"]', 'affinities = ["other"]'))
    lab.wait(
        lambda: all(each.affinities == ("other",) for each in lab.workers()),
        "the workers follow the file",
    )
    delivery = lab.submit(50)
    other = lab.submit(20, "b.test", affinity="other")
    lab.wait(lambda: lab.sent(other) == 20, "the other affinity's mail is sent")
    assert lab.counts(delivery) == {"pending": 50}
    assert causes(lab, delivery) == {"affinity_not_configured"}
    assert set(lab.peers() - before) == {"127.0.1.9"}
    lab.write(text)
    lab.wait(lambda: lab.sent(delivery) == 50, "the mail goes once the affinity is back")
    assert lab.reconciled().wrong_ip.count == 0


def test_a_changed_file_that_is_wrong_is_complained_about_and_not_used(lab):
    text, since = lab.text, len(lab.said())
    lab.write(text.replace("workers = 2", "workers = 0"))
    lab.wait(lambda: "mta.m1.workers" in lab.said(since), "the complaint")
    lab.write(text)
    delivery = lab.submit(5, "b.test")
    lab.wait(lambda: lab.sent(delivery) == 5, "the lab goes on")


def test_queued_mail_follows_a_changed_route(lab):
    text = lab.text
    delivery = lab.submit(20, "c.test")
    assert causes(lab, delivery) == {"no_mx"}
    lab.write(text.replace('["b.test"]', '["b.test", "c.test"]'))
    lab.wait(lambda: lab.sent(delivery) == 20, "it goes the new way")
    lab.write(text)


def test_two_supervisors_do_not_share_a_lab(lab):
    second = lab.run("up")
    assert second.returncode == 1
    assert b"another `mtalab up` runs the lab" in second.stderr
    assert b"Traceback" not in second.stderr


def test_a_taken_port_is_refused_before_anything_starts(tmp_path):
    lab = RunningLab(tmp_path)
    port = int(re.search(r"sink.a.\nlisten = .127.0.0.1:(\d+)", lab.text)[1])
    with socket.create_server(("127.0.0.1", port)):
        done = lab.run("up")
    assert done.returncode == 1
    assert f"sink 'a' cannot listen on 127.0.0.1:{port}: something else listens there" in str(
        done.stderr
    )
    assert lab.store.read_now(modules.all_workers) == []
    lab.close()


def test_a_running_delivery_is_paused_resumed_cancelled_and_retried(lab):
    delivery, count = lab.submit(2000), 2000
    lab.wait(lambda: lab.sent(delivery) > 20, "some are sent")
    lab.call("pause", str(delivery))
    lab.wait(lambda: lab.store.read_now(leases.leases) == [], "workers give it back")
    sent = lab.sent(delivery)
    assert 0 < lab.counts(delivery)["pending"] == count - sent
    other = lab.submit(10, "b.test")
    lab.wait(lambda: lab.sent(other) == 10, "another delivery goes on")
    assert lab.sent(delivery) == sent
    lab.call("resume", str(delivery))
    lab.wait(lambda: lab.sent(delivery) > sent, "it goes on")
    lab.call("cancel", str(delivery))
    lab.wait(lambda: lab.counts(delivery)["pending"] == 0, "the rest is cancelled")
    assert lab.counts(delivery)["cancelled"] > 0
    refused = lab.submit_to("bounce-550-5.1.1@b.test")
    lab.wait(lambda: lab.counts(refused)["failed"] == 1, "it fails")
    assert lab.json("retry", str(refused)) == {"retried": 1}
    lab.wait(lambda: [each.attempts for each in lab.messages(refused)] == [2], "it is tried again")
    assert lab.reconciled().is_ok()
