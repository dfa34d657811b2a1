"""A lab of real processes in a folder of its own, driven and watched by a test."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil

from lab.accounts import reconciled
from lab.cli.main import run
from lab.configuration import Loaded, load
from lab.submit.submission import Order, submit
from mail.states import MessageStatus
from sinks.receipts import read_receipts
from store import deliveries, log, modules
from store.engine import Store
from store.schema import open_store
from tests.fakes.nursery import Nursed, nursery
from world.clock import SystemClock

DEADLINE_S = 60.0  # for anything to happen; generous, since it only ends tests that fail

CONFIGURATION = """
validity = "10m"
[lab]
name = "test"
[submission]
listen = "off"
[inmail]
listen = "off"
[tracking]
listen = "off"
[web]
listen = "off"
[mta.m1]
affinities = ["promo"]
workers = 2
heartbeat = "200ms"
connections = 4
[affinity.promo]
ip = [{ address = "127.0.1.1", weight = 2 }, { address = "127.0.1.2", weight = 1 }]
[affinity.other]
ip = [{ address = "127.0.1.9" }]
[route.a]
domains = ["a.test"]
sink = "a"
[route.b]
domains = ["b.test"]
sink = "b"
[sink.a]
listen = "127.0.0.1:{a}"
personality = "steady"
[sink.b]
listen = "127.0.0.1:{b}"
[personality.steady]
latency = { data = "40ms" }
[retry]
delays = ["300ms"]
[scheduler]
lease = "3s"
"""
# A lab with all that it can have; most tests do without the process for the port.
WITH_SUBMISSION = CONFIGURATION.replace('listen = "off"', 'listen = "127.0.0.1:{c}"', 1)
MAIL = b"From: a@shop.example\r\nSubject: For {{ name }}\r\n\r\nHello {{ name }}\r\n"


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class RunningLab:
    """``mtalab up`` in a folder; ``store`` looks into its database."""

    def __init__(self, folder: Path, *, store_url: str | None = None, text: str = CONFIGURATION):
        self.folder = folder
        port_a, port_b, self.submission_port = free_ports(3)
        text = text.replace("{a}", str(port_a)).replace("{b}", str(port_b))
        text = text.replace("{c}", str(self.submission_port))
        if store_url is not None:
            text = text.replace("[lab]\n", f'[lab]\nstore = "{store_url}"\n')
        self.write(text)
        (folder / "mail.eml").write_bytes(MAIL)
        self.loaded: Loaded = load(folder / "mtalab.toml", {})
        self.store: Store = open_store(self.loaded.store_url)
        self._up: Nursed | None = None

    # -- the hand --------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return (self.folder / "mtalab.toml").read_text()

    def write(self, text: str) -> None:
        """Replace the configuration, as an editor does."""
        new = self.folder / "new.toml"
        new.write_text(text)
        new.replace(self.folder / "mtalab.toml")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-P", "-m", "lab", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """A command in a process of its own."""
        return subprocess.run(
            self.command(*words), cwd=self.folder, capture_output=True, check=False, timeout=120
        )

    def call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """A command by its entry point, in this process: another would be most of its time."""
        said = [io.TextIOWrapper(io.BytesIO()) for _ in range(2)]
        argv, code = sys.argv, 0
        sys.argv = ["mtalab", *words]
        try:
            with (
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(said[0]),
                contextlib.redirect_stderr(said[1]),
            ):
                run()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            sys.argv = argv
        for each in said:
            each.flush()
        out, err = (each.buffer.getvalue() for each in said)
        return subprocess.CompletedProcess(sys.argv, code, out, err)

    def json(self, *words: str):
        return orjson.loads(self.call(*words, "--json").stdout)

    def submit(self, count: int, *domains: str, affinity: str = "promo", **more) -> int:
        """Submit ``count`` messages to each of the domains, a.test by default."""
        return self.submit_to(
            *(
                f"u{number}@{domain}"
                for domain in domains or ("a.test",)
                for number in range(count)
            ),
            affinity=affinity,
            **more,
        )

    def submit_to(
        self, *addresses: str, affinity: str = "promo", validity_s: float | None = None
    ) -> int:
        """Submit a message to each, by what `mtalab submit` calls."""
        people = self.folder / "people.csv"
        rows = "".join(f"{each},N{number}\n" for number, each in enumerate(addresses))
        people.write_text(f"address,name\n{rows}")
        loaded, clock = load(self.folder / "mtalab.toml", {}), SystemClock()
        order = Order(
            message=self.folder / "mail.eml",
            recipients=people,
            affinity=affinity,
            label="mail",
            contact_at=clock.now(),
            validity_s=loaded.configuration.validity if validity_s is None else validity_s,
        )
        return submit(self.store, loaded, clock, order, lambda *_: None).delivery_id

    def up(self, **environ: str) -> None:
        """Start it and wait until its workers and the scheduler live."""
        self.start(**environ)
        self.wait_until_up()

    def start(self, **environ: str) -> None:
        """Start it, with more in its environment."""
        self._up = nursery().start(
            ["up"], {**os.environ, **environ}, self.folder, self.folder / "up.log"
        )

    @property
    def has_ended(self) -> bool:
        """Whether `mtalab up` has ended by itself."""
        return self._up is None or self._up.poll() is not None

    def wait_until_up(self) -> None:
        wanted = sum(each.workers for each in self.loaded.configuration.mta.values())
        self.wait(lambda: len(self.workers()) >= wanted, "workers live")
        self.wait(lambda: self.pid_of("scheduler") is not None, "a scheduler lives")

    def down(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self._up is not None
        self._up.send_signal(signal.SIGINT)
        code = self._up.wait(DEADLINE_S)
        self._up = None
        return code

    def close(self) -> None:
        """Whatever a test left behind."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._up is not None:
            self._up.wait(DEADLINE_S)
        self.store.close()

    def kill_everything(self) -> None:
        """kill -9 of the whole tree at once."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self._up is not None
        self._up.wait(DEADLINE_S)
        self._up = None

    # -- the eye ---------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """All processes of this lab, orphans too: they run in its folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                words = " ".join(process.cmdline()).split()[:5]
                is_lab = bool({"mtalab", "lab", "lab.nursery"} & {*words})
                is_lab = is_lab and process.cwd() == str(self.folder)
                if is_lab and process.pid != os.getpid():
                    found.append(process)
        return found

    def workers(self) -> list[modules.Worker]:
        return [
            each
            for each in self.store.read_now(modules.live_workers)
            if psutil.pid_exists(each.pid)
        ]

    def pid_of(self, name: str) -> int | None:
        for module in self.store.read_now(modules.modules):
            if module.name == name and module.stopped_at is None and psutil.pid_exists(module.pid):
                return module.pid
        return None

    def counts(self, delivery: int) -> Counter[str]:
        return Counter(self.store.read_now(deliveries.get, delivery).counts)

    def sent(self, delivery: int) -> int:
        return self.counts(delivery)[MessageStatus.SENT]

    def messages(self, delivery: int) -> list[log.Message]:
        return self.store.read_now(log.messages, log.Filter(delivery_id=delivery), limit=100_000)

    def peers(self) -> Counter[str]:
        """Receipts by the IP that the sinks saw."""
        return Counter(each.peer_ip for each in read_receipts(self.loaded.directory))

    def reconciled(self):
        return reconciled(self.store, self.loaded)

    def said(self, since: int = 0) -> str:
        """Its log, from this many characters on."""
        return (self.folder / "up.log").read_text()[since:]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until it holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited for: {what}\n{self.said()[-3000:]}"
            time.sleep(0.05)


@contextlib.contextmanager
def running_lab(folder: Path, **how) -> Iterator[RunningLab]:
    """A lab that is up, and gone afterwards."""
    lab = RunningLab(folder, **how)
    try:
        lab.up()
        yield lab
    finally:
        lab.close()
