"""Postfix's whole trip: its own smtp-source → smtpd → queue → smtp → its own smtp-sink.

A private instance in a temporary folder: the machine's own Postfix, its queue and its configuration
are not touched. Postfix wants root for its master process.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lab.bench.references import (
    ReferenceFailed,
    found,
    run,
    smtp_sink,
    smtp_source_words,
    why_no_smtp_tools,
)
from lab.bench.workload import Workload
from lab.free_ports import free_ports

LOOK_EVERY_S: Final = 0.02
STARTS_WITHIN_S: Final = 20.0
ENDS_WITHIN_S: Final = 300.0

# Everything else is Postfix's default.
_MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{sink}
smtpd_client_connection_count_limit = 0
"""
_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def why_no_postfix() -> str | None:
    """Why Postfix's whole trip cannot be run here; None: it can."""
    if found("postfix") is None:
        return "postfix not installed"
    if os.geteuid() != 0:
        return "Postfix's master process needs root"
    return why_no_smtp_tools()


def postfix_trip(workload: Workload) -> float:
    """Messages per second from the first one's injection until the queue is empty.

    Raises:
        ReferenceFailed: it did not start, or did not deliver everything.
    """
    # Not in the lab's folder, which Postfix's own user may not enter.
    with smtp_sink() as sink, tempfile.TemporaryDirectory(prefix="mtalab-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        [port] = free_ports(["127.0.0.1"])
        with _instance(folder, port, int(sink.rpartition(":")[2])):
            began = time.perf_counter()
            run(smtp_source_words(port, workload))
            _wait_until_empty(folder)
            return workload.messages / (time.perf_counter() - began)


@contextlib.contextmanager
def _instance(folder: Path, port: int, sink: int) -> Iterator[None]:
    for each in ("etc", "spool", "data"):
        (folder / each).mkdir()
    shutil.chown(folder / "data", "postfix")
    etc = folder / "etc"
    (etc / "main.cf").write_text(_MAIN.format(folder=folder, sink=sink), encoding="ascii")
    (etc / "master.cf").write_text(_MASTER.format(port=port), encoding="ascii")
    _postfix(etc, "start")
    try:
        yield
    finally:
        _postfix(etc, "stop")


def _postfix(etc: Path, word: str) -> None:
    """A daemon keeps what it inherits: its words go to a file, not to a pipe that never ends."""
    argv = [str(found("postfix")), "-c", str(etc), word]
    said = etc / f"{word}.txt"
    with said.open("wb") as output:
        try:
            subprocess.run(  # noqa: S603 - what why_absent found
                argv,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=STARTS_WITHIN_S,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            words = said.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise ReferenceFailed(f"{' '.join(argv)} failed: {words}") from error


def _wait_until_empty(folder: Path) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    spool = folder / "spool"
    while any(_has_file(spool / each) for each in ("incoming", "active", "maildrop")):
        if time.monotonic() > deadline:
            raise ReferenceFailed(f"Postfix did not deliver within {ENDS_WITHIN_S:g} s")
        time.sleep(LOOK_EVERY_S)
    if _has_file(spool / "deferred"):
        raise ReferenceFailed("Postfix deferred mail, so that its rate is none")


def _has_file(folder: Path) -> bool:
    """Whether any file is in it or below: queues may be hashed."""
    with contextlib.suppress(FileNotFoundError):  # it moves on while we look
        return any(each.is_file() for each in folder.rglob("*"))
    return True
