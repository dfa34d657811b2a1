"""What the whole trip is held against, in the same run: each a sender and a receiver process."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lab.bench.workload import SINK, Workload
from lab.free_ports import free_ports
from lab.machine import command_line
from mail.errors import EnvironmentFault
from mail.notation import split_endpoint

LISTENS_WITHIN_S: Final = 20.0
STAYS: Final = "-d"  # smtp-source stays connected between messages, as our sessions do
ENDS_WITHIN_S: Final = 300.0
PATH: Final = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


class ReferenceFailed(EnvironmentFault):
    """A reference run did not come to its end."""


def bare_loop(workload: Workload, folder: Path, outside: str | None = None) -> float:
    """Our session into the sink that the whole trip has, no queue and no record.

    ``outside`` is the ``address:port`` of another receiver.
    """
    if outside is not None:
        _, port = split_endpoint(outside)
        return _timed(_us("-m", "lab.bench.bare"), port, workload, folder)
    loaded = replace(workload, store=None).prepare(folder / "bare")
    loaded.directory.mkdir(parents=True, exist_ok=True)
    _, port = split_endpoint(loaded.configuration.sink[SINK].listen)
    with _receiver(command_line(loaded.path, "sink"), port):
        return _timed(_us("-m", "lab.bench.bare"), port, workload, folder)


def plain_loop(workload: Workload, folder: Path) -> float:
    """Aiosmtplib into aiosmtpd, both as they come: messages per second."""
    [port] = free_ports(["127.0.0.1"])
    with _receiver(_us("-m", "lab.bench.plain_receiver", str(port)), port):
        return _timed(_us("-m", "lab.bench.plain_sender"), port, workload, folder)


def smtp_source(workload: Workload, *, reconnects: bool = False) -> float:
    """Postfix's smtp-source into its smtp-sink: messages per second.

    ``reconnects``: with a connection for each message, as it does unless told otherwise.
    """
    with smtp_sink() as address:
        began = time.perf_counter()
        words = smtp_source_words(split_endpoint(address)[1], workload)
        run([each for each in words if each != STAYS or not reconnects])
        return workload.messages / (time.perf_counter() - began)


def why_no_smtp_tools() -> str | None:
    """Why Postfix's two test programs cannot be run here; None: they can."""
    missing = [name for name in ("smtp-source", "smtp-sink") if found(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else None


def found(name: str) -> str | None:
    """Where a program is, also if it is one for administrators."""
    return shutil.which(name, path=PATH)


@contextlib.contextmanager
def smtp_sink() -> Iterator[str]:
    """A running smtp-sink; yields ``address:port``.

    Raises:
        ReferenceFailed: it is not installed, or does not listen.
    """
    sink = found("smtp-sink")
    if sink is None:
        raise ReferenceFailed("smtp-sink is not installed", remedy="It comes with Postfix.")
    user = ["-u", "root"] if os.geteuid() == 0 else []  # root has to name somebody
    [port] = free_ports(["127.0.0.1"])
    with _receiver([sink, *user, f"127.0.0.1:{port}", "1024"], port):
        yield f"127.0.0.1:{port}"


def smtp_source_words(port: int, workload: Workload) -> list[str]:
    """How smtp-source is called for a workload."""
    source = found("smtp-source")
    assert source is not None, "asked for by why_no_smtp_tools"
    words = ("-s", workload.connections, "-m", workload.messages, "-l", workload.size)
    names = ("-f", "b@bounces.bench.test", "-t", "user@d0.test", f"127.0.0.1:{port}")
    return [source, STAYS, *map(str, words), *names]


def _timed(argv: Sequence[str], port: int, workload: Workload, folder: Path) -> float:
    file = folder / "reference.eml"
    file.write_bytes(workload.source())
    words = (str(port), str(workload.messages), str(workload.connections), str(file))
    return workload.messages / float(run([*argv, *words]))


def _us(*words: str) -> list[str]:
    return [sys.executable, "-P", *words]


def run(argv: Sequence[str]) -> str:
    """Run a program to its end; returns what it printed.

    Raises:
        ReferenceFailed: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(  # noqa: S603 - ourselves, or what smtp_source found
            argv, check=True, capture_output=True, text=True, timeout=ENDS_WITHIN_S
        )
    except subprocess.TimeoutExpired as error:
        raise ReferenceFailed(f"{argv[0]} did not end within {ENDS_WITHIN_S:g} s") from error
    except subprocess.CalledProcessError as error:
        raise ReferenceFailed(f"{' '.join(argv)} failed: {error.stderr[-2000:]}") from error
    return done.stdout


@contextlib.contextmanager
def _receiver(argv: Sequence[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603 - likewise
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(process, argv, port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", argv: Sequence[str], port: int) -> None:
    deadline = time.monotonic() + LISTENS_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ReferenceFailed(f"{' '.join(argv)} does not listen") from error
            time.sleep(0.05)
        else:
            return
