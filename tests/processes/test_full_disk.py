"""A full disk: what cannot be written is not begun, and all goes on once there is room.

The kernel is told to let a process's files grow no further (RLIMIT_FSIZE, from outside, while it
runs), so that writes fail as they do on a full disk: those of the database, the journals, the
receipts and the log, half-way if need be.
"""

import contextlib
import resource
import smtplib
import subprocess

import psutil
import pytest

from tests.fakes.running_lab import WITH_SUBMISSION, running_lab
from tests.fakes.shared_lab import shared_lab

MANY = 400
UNLIMITED = resource.RLIM_INFINITY


@contextlib.contextmanager
def full_disk(processes):
    """No file of these processes grows."""
    _limit(processes, 0)
    try:
        yield
    finally:
        _limit(processes, UNLIMITED)


def _limit(processes, soft):
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.rlimit(psutil.RLIMIT_FSIZE, (soft, UNLIMITED))


def run_on_full_disk(lab, *words):
    def no_file_grows():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, UNLIMITED))

    return subprocess.run(
        lab.command(*words),
        cwd=lab.folder,
        capture_output=True,
        check=False,
        timeout=120,
        preexec_fn=no_file_grows,
    )


def refuses(done):
    assert done.returncode == 1
    assert b"Make room on the disk" in done.stderr
    assert b"Traceback" not in done.stderr


def half_way(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) > MANY // 10, "some are sent")
    assert lab.counts(delivery)["pending"] > 0


def all_arrive(lab, delivery):
    lab.wait(lambda: lab.sent(delivery) == MANY, "all are sent")
    assert lab.reconciled().is_ok(), "nothing is doubled"
    assert "Traceback" not in lab.said()


def pids_of(lab):
    return {each.pid for each in lab.processes()}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with shared_lab(tmp_path_factory, WITH_SUBMISSION) as shared:
        yield shared


@pytest.fixture
def lab(shared, request):
    with shared.of_test(request) as lab:
        yield lab


def test_a_full_disk_ends_nobody_and_loses_and_doubles_nothing(lab):
    delivery = lab.submit(MANY)
    half_way(lab, delivery)
    before = pids_of(lab)
    with full_disk(lab.processes()):
        with (
            smtplib.SMTP("127.0.0.1", lab.submission_port, timeout=60) as client,
            pytest.raises(smtplib.SMTPDataError) as refused,
        ):
            client.sendmail("a@b.test", ["u@b.test"], "Subject: x\r\n\r\nx\r\n")
        assert refused.value.smtp_code == 451
        assert lab.sent(delivery) < MANY, "it was over before the disk was full"
        told = run_on_full_disk(lab, "submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo")
    refuses(told)
    assert told.stdout == b""
    all_arrive(lab, delivery)
    assert pids_of(lab) == before
    lab.wait(lambda: "could not be written when due" in lab.said(), "the log says it afterwards")


@pytest.mark.postgresql
def test_without_a_journal_mail_goes_on_as_fast_as_the_store_knows_of_it(
    tmp_path, postgresql_server
):
    with (
        postgresql_server.database() as url,
        running_lab(tmp_path, store_url=url) as lab,
        full_disk([psutil.Process(each.pid) for each in lab.workers()]),
    ):
        before = pids_of(lab)
        all_arrive(lab, lab.submit(MANY))
        assert pids_of(lab) == before


def test_a_sink_that_cannot_write_a_receipt_accepts_nothing(lab):
    before = pids_of(lab)
    with full_disk([psutil.Process(lab.pid_of("sinks"))]):
        delivery = lab.submit(MANY)
        lab.wait(
            lambda: any(each.attempts > 1 for each in lab.messages(delivery)),
            "some are tried again",
        )
        tried = [each for each in lab.messages(delivery) if each.attempts]
        assert lab.sent(delivery) == 0
        assert {each.reply[:3] for each in tried} == {"452"}
    all_arrive(lab, delivery)
    assert pids_of(lab) == before
