"""The Python API against real processes."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from lab.up_lock import LabIsUp
from mtalab import BadRecipients, BadSubmission, DidNotArrive, Lab, NotOver, UnknownField, UserError
from mtalab.errors import NoFreePort
from mtalab.temporary import temporary_folder
from sinks.errors import ListenAddressUnusable
from store.errors import UnknownDelivery
from tests.distribution.test_container_files import health_command
from tests.fakes.running_lab import DEADLINE_S

CONFIGURATION = """
validity = "1h"
[mta.m1]
affinities = ["promo"]
heartbeat = "200ms"
[affinity.promo]
ip = [{ address = "127.0.1.1" }]
[route.all]
domains = ["*"]
sink = "all"
[sink.all]
listen = "127.0.0.1:0"
personality = "unknown_users"
"""
MAIL = "From: shop@shop.example\r\nSubject: For {{ name }}\r\n\r\nDear {{ name }},\r\nhello\r\n"


PLAIN = "From: shop@shop.example\n\nhello\n"


@pytest.fixture(scope="module")
def lab():
    with Lab.temporary(CONFIGURATION, within_s=DEADLINE_S) as lab:
        yield lab
    assert processes_in(lab.folder) == []
    assert not lab.folder.exists()


def processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            pass
    return found


def test_submit_wait_look(lab):
    people = ({"address": f"look{number}@a.test", "name": f"N{number}"} for number in range(30))
    done = lab.submit(
        message=MAIL,
        recipients=people,
        affinity="promo",
        label="thirty",
        priority=3,
        validity=timedelta(minutes=5),
    )
    assert (done.messages, done.duplicates, done.warnings) == (30, 0, ())
    delivery = lab.wait(done, within_s=DEADLINE_S)
    assert delivery.is_over
    assert (delivery.label, delivery.priority, delivery.messages) == ("thirty", 3, 30)
    assert delivery.expires_at - delivery.submitted_at == pytest.approx(300, abs=60)
    sent = lab.messages(done, status="sent")
    failed = lab.messages(done, status="failed")
    assert len(sent) == delivery.counts["sent"] > 0
    assert len(failed) == delivery.counts["failed"] == 30 - len(sent)
    assert {each.source_ip for each in sent} == {"127.0.1.1"}
    assert all(each.reason == "user_unknown" for each in failed)
    told = lab.transitions(sent[0])
    assert [(each.event, each.to_status, each.code) for each in told] == [("accepted", "sent", 250)]
    (got,) = lab.inbox(recipient=sent[0].address)
    name = sent[0].address.removeprefix("look").partition("@")[0]
    assert (got.subject, got.text) == (f"For N{name}", f"Dear N{name},\nhello\n")
    assert got.source.startswith(b"Message-ID:") or b"\r\nMessage-ID:" in got.source
    account = lab.reconcile()
    assert account.ok
    assert account.lost.messages == 0
    assert lab.not_running() == []


def test_an_email_message_to_plain_addresses(lab):
    message = EmailMessage()
    message["From"], message["Subject"] = "shop@shop.example", "To {{ address }} and a long " * 5
    message.set_content("Grüße")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    addresses = [f"plain{number}@a.test" for number in range(5)]
    done = lab.submit(message=message, recipients=addresses, affinity="promo")
    lab.wait(done.delivery, within_s=DEADLINE_S)
    got = lab.inbox(recipient="plain*")
    assert got
    assert {(each.text, each.html) for each in got} == {("Grüße\n", "<p>Grüße</p>\n")}
    assert all(each.subject.startswith(f"To {each.rcpt_to[0]} and") for each in got)


def test_what_an_application_submits_by_smtp(lab):
    assert lab.submission_port is not None
    with smtplib.SMTP(*lab.submission_port, timeout=DEADLINE_S) as port:
        headers = "From: app@a.test\r\nSubject: By SMTP\r\nX-Mtalab-Delivery: Orders\r\n"
        port.sendmail("app@a.test", ["smtp1@a.test", "smtp2@a.test"], f"{headers}\r\nhello\r\n")
    (delivery,) = (each for each in lab.deliveries() if each.label == "Orders")
    assert delivery.open_until is not None
    done = lab.wait(delivery, within_s=DEADLINE_S)
    assert done.messages == 2
    assert not done.is_over
    sent = lab.messages(done, status="sent")
    got = lab.inbox(recipient="smtp?@a.test")
    assert sorted(each.address for each in sent) == sorted(each.rcpt_to[0] for each in got)
    assert all(each.text == "hello\n" for each in got)


def test_files_as_the_command_takes_them(lab, tmp_path):
    (tmp_path / "spring.eml").write_text(MAIL)
    (tmp_path / "people.csv").write_text("email;name\nfile1@a.test;Ada\nfile1@a.test;Ada\n")
    done = lab.submit(
        message=tmp_path / "spring.eml", recipients=tmp_path / "people.csv", affinity="promo"
    )
    assert (done.messages, done.duplicates) == (2, 1)
    assert lab.wait(done, within_s=DEADLINE_S).label == "spring"
    assert lab.delivery(done).counts["ignored"] == 1
    assert lab.deliveries(limit=1)[0].id == done.delivery


def test_bad_recipients_refuse_it_whole(lab):
    before = [each.id for each in lab.deliveries()]
    with pytest.raises(BadRecipients) as told:
        lab.submit(message=PLAIN, recipients=["good@a.test", "bad"], affinity="promo")
    assert [row.line for row in told.value.rows] == [2]
    for recipients in ("ada@a.test", [("ada@a.test",)], [{"address": "a@a.test", "x": object()}]):
        with pytest.raises(BadSubmission):
            lab.submit(message=MAIL, recipients=recipients, affinity="promo")
    with pytest.raises(UnknownField):
        lab.submit(message=MAIL, recipients=["nameless@a.test"], affinity="promo")
    assert [each.id for each in lab.deliveries() if each.messages] == before


def test_recipients_that_fail_in_the_middle_leave_nothing_behind(lab):
    def people():
        yield "one@a.test"
        raise LookupError("the address book is gone")

    before = lab.deliveries()
    with pytest.raises(LookupError):
        lab.submit(message=PLAIN, recipients=people(), affinity="promo")
    assert lab.deliveries() == before


def test_waiting_too_long_says_what_is_waited_for(lab):
    done = lab.submit(
        message=MAIL, recipients=[{"email": "x@a.test", "name": "X"}], affinity="prmo"
    )
    assert "no affinity 'prmo' is configured" in done.warnings[0]
    with pytest.raises(NotOver, match=r"no running MTA instance has affinity 'prmo'") as told:
        lab.wait(done, within_s=0.3)
    assert isinstance(told.value, TimeoutError)
    with pytest.raises(DidNotArrive, match="0 of 1 messages"):
        lab.wait_for_inbox(recipient="nobody@a.test", within_s=0.1)
    with pytest.raises(UnknownDelivery):
        lab.messages(999)


def test_a_sink_becomes_another_while_it_runs(lab):
    host, port = lab.sinks["all"]

    def codes():
        with smtplib.SMTP(host, port, timeout=DEADLINE_S) as client:
            client.ehlo()
            return client.mail("a@lab.test")[0], client.rcpt("full@x.test")[0]

    lab.set_personality("all", "icloud")
    try:
        assert codes() == (250, 552)
    finally:
        lab.set_personality("all", "unknown_users")
    assert codes() == (250, 250)
    with pytest.raises(UserError, match="there is no personality 'icluod'"):
        lab.set_personality("all", "icluod")


def test_another_script_can_look_but_not_run_the_same_lab(lab):
    with Lab.open(lab.folder) as other:
        assert other.deliveries() == lab.deliveries()
        assert other.not_running() == []
    with pytest.raises(LabIsUp), Lab.run(lab.folder):
        pass
    assert lab.not_running() == []


def test_a_lab_that_is_up_is_not_run_twice_and_runs_on(lab):
    with pytest.raises(LabIsUp), lab.up():
        pass
    done = lab.submit(message=PLAIN, recipients=["a@x.test"], affinity="promo")
    assert lab.wait(done).counts["sent"] == 1


def test_the_health_check_of_the_container_is_content(lab):
    command = [sys.executable, *health_command()[1:]]
    done = subprocess.run(command, cwd=lab.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_lab_that_cannot_run_starts_nothing_and_leaves_nothing(lab, tmp_path):
    taken = CONFIGURATION.replace(":0", f":{lab.sinks['all'][1]}")
    with pytest.raises(ListenAddressUnusable), Lab.temporary(taken, keep=tmp_path):
        pass
    assert processes_in(tmp_path) == []
    with pytest.raises(NoFreePort), Lab.temporary(CONFIGURATION.replace("0.0.1:0", "0.0.999:0")):
        pass
    with pytest.raises(UserError, match="unknown key"), Lab.temporary("[lap]"):
        pass


def test_whatever_happens_in_it_a_temporary_folder_is_gone_afterwards():
    with pytest.raises(ZeroDivisionError), temporary_folder(None, None) as folder:  # noqa: PT012
        assert (folder / "mtalab.toml").exists()
        1 / 0  # noqa: B018
    assert not folder.exists()


def test_a_script_that_is_killed_leaves_no_process(tmp_path):
    script = (
        "import sys, time\nfrom mtalab import Lab\n"
        'sinks = \'[submission]\\nlisten = "off"\\n[sink.a]\\nlisten = "127.0.0.1:0"\'\n'
        f"with Lab.temporary(sinks, keep={str(tmp_path)!r}):\n"
        "    print('up', flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        mine = [each for each in processes_in(tmp_path) if each.pid != process.pid]
        assert len(mine) == 2  # scheduler and sinks
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_S
    while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in mine):
        assert time.monotonic() < deadline
        time.sleep(0.05)
