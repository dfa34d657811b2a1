"""Clients that nobody here wrote, into the submission port and into sinks."""

import contextlib
import smtplib
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import orjson

from sinks.receipts import read_receipts
from tests.fakes.programs import program
from tests.fakes.running_lab import WITH_SUBMISSION, running_lab

MANY = 1000


def said(*command, text=""):
    done = subprocess.run(
        command, input=text.encode(), capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def test_applications_send_through_the_submission_port(tmp_path):
    swaks, msmtp, source = program("swaks"), program("msmtp"), program("smtp-source")
    with running_lab(tmp_path, text=WITH_SUBMISSION) as lab:
        server = f"127.0.0.1:{lab.submission_port}"
        told = said(swaks, "--to", "user@b.test", "--server", server)
        assert "250 2.0.0 Queued as message 1 of delivery 1" in told
        lab.wait(lambda: lab.sent(1) == 1, "the first is sent")

        named = ("--header", "X-Mtalab-Delivery: Swaks", "--pipeline", "--attach-body", "<p>Hi</p>")
        said(swaks, "--to", "one@b.test,two@b.test", "--server", server, *named)
        lab.wait(lambda: lab.sent(2) == 2, "the two are sent")

        letter = "From: app@x.test\nTo: m@b.test\nX-Mtalab-Delivery: Msmtp\n\n.dots\n..\n.\nend\n"
        host = ("--host=127.0.0.1", f"--port={lab.submission_port}", "--from=app@x.test")
        with ThreadPoolExecutor(4) as threads:
            sending = [
                threads.submit(said, msmtp, *host, "--tls=off", f"m{number}@b.test", text=letter)
                for number in range(20)
            ]
            assert [each.result() for each in sending] == [""] * 20
        lab.wait(lambda: lab.sent(3) == 20, "msmtp's are sent")

        to = ("-f", "app@x.test", "-t", "source@b.test", "-N", "-m", str(MANY), "-s", "10")
        said(source, *to, "-l", "2000", server)
        assert lab.store is not None
        lab.wait(lambda: lab.sent(1) == 1 + MANY, "smtp-source's are sent")
        addresses = Counter(each.address for each in lab.messages(1))
        assert set(addresses.values()) == {1}
        found = lab.reconciled()
        assert found.is_ok()
        assert found.receipts == 1 + 2 + 20 + MANY
        text = lab.call("inbox", "show", lab.json("inbox", "--recipient", "m0@b.test")[0]["id"])
        assert b".dots\n..\n.\nend" in text.stdout.replace(b"\r\n", b"\n")
        assert lab.down() == 0


@contextlib.contextmanager
def sink_alone(folder, personality="accept"):
    """`mtalab sink` without any lab; yields where it listens."""
    command = [sys.executable, "-P", "-m", "lab", "sink", "--listen", "127.0.0.1:0", "--json"]
    with subprocess.Popen(
        [*command, "--keep", "kept", "--personality", personality],
        cwd=folder,
        stdout=subprocess.PIPE,
    ) as running:
        try:
            yield orjson.loads(running.stdout.readline())["listen"]
        finally:
            running.terminate()
        assert running.wait(30) == 0


def test_clients_send_to_sinks_directly(tmp_path):
    swaks, source = program("swaks"), program("smtp-source")
    with sink_alone(tmp_path) as sink:
        said(swaks, "--to", "user@b.test", "--from", "a@x.test", "--server", sink)
        refused = subprocess.run(
            [swaks, "--to", "bounce-550-5.1.1@b.test", "--server", sink],
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert refused.returncode == 24, "swaks's code for no recipient that was accepted"
        to = ("-f", "a@x.test", "-t", "source@b.test", "-N", "-m", str(MANY), "-s", "10")
        said(source, *to, sink)
        said(source, *to, "-d", sink)  # all over the same connections
        receipts = Counter(
            address for each in read_receipts(tmp_path / "kept") for address in each.rcpt_to
        )
        assert sum(receipts.values()) == 1 + 2 * MANY


def test_a_busy_sink_runs_alone_without_any_lab(tmp_path):
    with sink_alone(tmp_path, "busy") as sink:
        with smtplib.SMTP(*sink.split(":"), timeout=20) as client:
            client.sendmail("a@b.test", ["c@d.test"], "Subject: x\r\n\r\nx\r\n")
        [receipt] = read_receipts(tmp_path / "kept")
        assert receipt.rcpt_to == ("c@d.test",)
