"""One crash in a lab of real processes: what was lost, what doubled, how long it took."""

import os
import smtplib
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config

from lab.accounts import reconciled
from mail.states import MessageStatus
from store import log, schema
from store.engine import Store
from store.schema import open_store
from tests.crash.points import CONNECTIONS, Point
from tests.fakes.running_lab import CONFIGURATION, RunningLab
from world.crash import VARIABLE

MESSAGES = 240
LETTERS = 40
TEXT = CONFIGURATION.replace("connections = 4", f"connections = {CONNECTIONS}").replace(
    'data = "40ms"', 'data = "20ms"'
)


@dataclass(frozen=True)
class Seen:
    """What came of it. ``lost``: marked sent and not received, received and marked otherwise, or
    stored and gone; ``seconds``: from the crash until every message was sent."""

    messages: int
    lost: int
    doubled: int
    seconds: float


def crash(point: Point, folder: Path, url: str | None) -> Seen:
    """Let a process die at the point, and look at what is left once the lab has recovered."""
    lab = RunningLab(folder, store_url=url, text=TEXT)
    mark = folder / "crashed"
    armed = {VARIABLE: f"{point.name}:{point.nth}:{mark}"}
    try:
        if point.name == "store.migrating":
            return _while_migrating(lab, mark, armed)
        lab.start(**armed)
        if not lab.has_ended:
            lab.wait_until_up()
        expected = _work_for(point, lab)
        lab.wait(mark.exists, "the crash")
        at = mark.stat().st_mtime
        if point.process == "up":
            lab.wait(lambda: lab.has_ended, "the supervisor is gone")
            lab.wait(lambda: not lab.processes(), "its orphans leave")
            lab.up()
        lab.wait(lambda: _sent(lab.store) >= expected(), "all is sent")
        seconds = time.time() - at
        lab.wait_until_up()
        assert lab.down() == 0
        return _account(lab, expected(), seconds)
    finally:
        lab.close()


def _work_for(point: Point, lab: RunningLab):
    """Give the lab something to do; returns how many messages must be sent in the end."""
    if point.process == "submission":
        heard = _letters(lab)
        return lambda: heard
    domain = ("b.test",) if point.name == "scheduler.cutting" else ("a.test",)
    if point.name == "scheduler.cutting":
        people = lab.folder / "deferred.csv"
        rows = "".join(f"u{number}+defer1x@{domain[0]}\n" for number in range(MESSAGES))
        people.write_text(f"address\n{rows}")
        text = b"From: a@shop.example\r\nSubject: x\r\n\r\nx\r\n"
        (lab.folder / "plain.eml").write_bytes(text)
        lab.json("submit", "-m", "plain.eml", "-r", "deferred.csv", "-a", "promo")
    else:
        lab.submit(MESSAGES, *domain)
    if point.name == "supervisor.following":
        lab.write(lab.text.replace('"127.0.1.1"', '"127.0.1.1", helo = "new.test"'))
    return lambda: MESSAGES


def _letters(lab: RunningLab) -> int:
    """Send letters by SMTP until each was accepted; returns how many heard a 250."""

    def send(number: int) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with smtplib.SMTP("127.0.0.1", lab.submission_port, timeout=20) as client:
                    text = f"Subject: {number}\r\n\r\nx\r\n"
                    client.sendmail("a@b.test", [f"u{number}@b.test"], text)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.1)
            else:
                return 1
        return 0

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(send, range(LETTERS)))


def _sent(store: Store) -> int:
    found = store.read_now(log.messages, log.Filter(status=MessageStatus.SENT), limit=100_000)
    return len({each.address for each in found})


def _account(lab: RunningLab, expected: int, seconds: float) -> Seen:
    found = reconciled(lab.store, lab.loaded)
    wrong = found.lost.count + found.unmarked.count + found.in_doubt.count + found.wrong_ip.count
    missing = max(0, expected - _sent(lab.store))
    return Seen(found.messages, wrong + missing, found.duplicated.count, seconds)


def _while_migrating(lab: RunningLab, mark: Path, armed: dict[str, str]) -> Seen:
    """A store of an older schema with messages in it, and a migration that is cut off."""
    lab.submit(MESSAGES)
    before = _rows(lab.store)
    lab.store.close()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with closing(Store(lab.loaded.store_url)) as old, old.writing.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    done = subprocess.run(
        lab.command("deliveries"), cwd=lab.folder, env={**os.environ, **armed},
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr.decode()
    assert mark.exists()
    at = time.time()
    lab.store = open_store(lab.loaded.store_url)
    lost = before - _rows(lab.store)
    lab.up()
    lab.wait(lambda: _sent(lab.store) == MESSAGES, "all is sent")
    seconds = time.time() - at
    assert lab.down() == 0
    seen = _account(lab, MESSAGES, seconds)
    return Seen(seen.messages, seen.lost + sum(lost.values()), seen.doubled, seconds)


def _rows(store: Store) -> Counter[tuple[int, str, str]]:
    found = store.read_now(log.messages, log.Filter(), limit=100_000)
    return Counter((each.id, each.address, str(each.status)) for each in found)
