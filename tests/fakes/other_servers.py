"""SMTP servers that nobody here wrote, each private to a test: Postfix, Exim, smtp-sink.

They keep what they take in their queues, where ``senders`` finds the envelope senders: our return
paths, one for each message.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from tests.fakes.programs import as_root, program
from tests.fakes.running_lab import free_ports

STARTS_WITHIN_S = 30.0
_SENDER = re.compile(r"^X-Mail-Args: <([^>]*)>", re.MULTILINE)

_MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = postfix.test
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_recipient_restrictions = static:hold, permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_forbid_bare_newline = yes
local_recipient_maps =
alias_maps =
"""
_MASTER_CF = """
127.0.0.1:{port} inet n - n - 50 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
showq unix n - n - - showq
error unix - - n - - error
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
postlog unix-dgram n - n - 1 postlogd
"""
_EXIM = """
primary_hostname = exim.test
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
queue_only = true
pipelining_advertise_hosts = *
host_lookup =
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
"""


class OtherServer:
    """A server's port, and what it has taken."""

    def __init__(self, port: int, senders: Callable[[], Counter[str]], log: Path) -> None:
        self.port, self.senders, self.log = port, senders, log


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """Not pytest's own: other users cannot go through that."""
    folder = Path(tempfile.mkdtemp(prefix="mtalab-mta-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_answers(port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as peer:
            peer.settimeout(5)
            if peer.recv(3):
                return
        said = log.read_text()[-2000:] if log.exists() else ""
        assert time.monotonic() < deadline, f"it does not start: {said}"
        time.sleep(0.1)


@contextlib.contextmanager
def postfix() -> Iterator[OtherServer]:
    """Postfix's own smtpd and queue, as Debian builds them; everything is held."""
    as_root()
    postfix, postqueue = program("postfix"), program("postqueue")
    [port] = free_ports(1)
    with _private_folder() as folder:
        for name in ("queue", "data", "conf"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "conf" / "main.cf").write_text(_MAIN_CF.format(folder=folder))
        (folder / "conf" / "master.cf").write_text(_MASTER_CF.format(port=port))
        command = [postfix, "-c", str(folder / "conf")]
        subprocess.run([*command, "start"], check=True, capture_output=True)

        def senders() -> Counter[str]:
            listed = subprocess.run(
                [postqueue, "-c", str(folder / "conf"), "-j"], check=True, capture_output=True
            )
            return Counter(orjson.loads(line)["sender"] for line in listed.stdout.splitlines())

        try:
            _until_it_answers(port, folder / "log")
            yield OtherServer(port, senders, folder / "log")
        finally:
            subprocess.run([*command, "stop"], check=False, capture_output=True)


@contextlib.contextmanager
def exim() -> Iterator[OtherServer]:
    """Exim, which only queues."""
    as_root()
    exim = program("exim4")
    [port] = free_ports(1)
    with _private_folder() as folder:
        for name in ("spool", "log"):
            (folder / name).mkdir()
            shutil.chown(folder / name, "Debian-exim")
        file = folder / "exim.conf"
        file.write_text(_EXIM.format(folder=folder, port=port))
        file.chmod(0o644)
        with (folder / "out").open("wb") as out:
            running = subprocess.Popen(
                [exim, "-C", str(file), "-bdf", "-oX", f"127.0.0.1.{port}"], stdout=out, stderr=out
            )

        def senders() -> Counter[str]:
            headers = (folder / "spool" / "input").rglob("*-H")
            return Counter(
                each.read_text("latin-1").split("\n", 3)[2].strip("<>") for each in headers
            )

        try:
            _until_it_answers(port, folder / "out")
            yield OtherServer(port, senders, folder / "log" / "mainlog")
        finally:
            running.terminate()
            running.wait(20)


@contextlib.contextmanager
def smtp_sink(*options: str) -> Iterator[OtherServer]:
    """Postfix's test server, with its fault options."""
    found = program("smtp-sink")
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = ["-u", "root"] if os.geteuid() == 0 else []
        dump = ["-d", str(folder / "mail."), *options]
        with (folder / "out").open("wb") as out:
            running = subprocess.Popen(
                [found, *user, *dump, f"127.0.0.1:{port}", "100"],
                stdout=out, stderr=out, cwd=folder,
            )  # fmt: skip

        def senders() -> Counter[str]:
            taken: Counter[str] = Counter()
            for each in folder.glob("mail.*"):
                taken.update(
                    re.findall(r"^X-Mail-Args: <([^>]*)>", each.read_text("latin-1"), re.MULTILINE)
                )
            return taken

        try:
            _until_it_answers(port, folder / "out")
            yield OtherServer(port, senders, folder / "out")
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(20)
