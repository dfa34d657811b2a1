"""The work that a lab is given before a process of it dies."""

import os
import signal
import smtplib
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.crash.points import CLIENTS, Point
from tests.fakes.running_lab import RunningLab

MESSAGES = 240
LETTERS = 40


@dataclass(frozen=True)
class Work:
    """What a lab was given to do.

    ``expected`` tells how many people must get a message in the end, None while that is growing;
    ``unheard`` are those whose letter was sent once more, as its sender had heard no 250.
    """

    expected: Callable[[], int | None]
    unheard: set[str] = field(default_factory=set)


_LATE = ("replanning", "following", "burying")


def is_begun_early(point: Point) -> bool:
    """Whether there is work before the lab is up, so that the first to come has some at once."""
    return point.process != "submission" and not point.name.endswith(_LATE)


def give_work(point: Point, lab: RunningLab) -> Work:
    """Begin it; what reaches the point may be the work itself."""
    if point.process == "submission":
        return _letters(lab)
    if point.name.endswith("cutting"):
        _deferred(lab)
    elif point.name.endswith("replanning"):
        lab.submit(MESSAGES, "c.test")  # no route leads there yet
        lab.write(lab.text.replace('["b.test"]', '["b.test", "c.test"]'))
    else:
        lab.submit(MESSAGES)
    if point.name.endswith("following"):
        lab.write(lab.text.replace('"127.0.1.1"', '"127.0.1.1", helo = "new.test"'))
    if point.name.endswith("burying"):
        lab.wait(lambda: bool(lab.peers()), "some are sent")
        os.kill(lab.workers()[0].pid, signal.SIGKILL)
    return Work(lambda: MESSAGES)


SUBMIT = ("submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo")


def die_at_work(lab: RunningLab, armed: dict[str, str], *words: str) -> None:
    """A command that dies; by default a submission that is never confirmed: nobody may get it."""
    done = subprocess.run(
        lab.command(*words or SUBMIT),
        cwd=lab.folder,
        env={**os.environ, **armed},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _deferred(lab: RunningLab) -> None:
    rows = "".join(f"u{number}+defer1x@b.test\n" for number in range(MESSAGES))
    (lab.folder / "deferred.csv").write_text(f"address\n{rows}")
    text = b"From: a@shop.example\r\nSubject: x\r\n\r\nx\r\n"
    (lab.folder / "plain.eml").write_bytes(text)
    lab.json("submit", "-m", "plain.eml", "-r", "deferred.csv", "-a", "promo")


def _letters(lab: RunningLab) -> Work:
    """Send letters by SMTP, each until it was accepted; counts those that heard a 250."""
    unheard = set[str]()

    def send(number: int) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with smtplib.SMTP("127.0.0.1", lab.submission_port, timeout=20) as client:
                    text = f"Subject: {number}\r\n\r\nx\r\n"
                    client.sendmail("a@b.test", [f"u{number}@b.test"], text)
            except (OSError, smtplib.SMTPException):
                unheard.add(f"u{number}@b.test")
                time.sleep(0.1)
            else:
                return 1
        return 0

    threads = ThreadPoolExecutor(CLIENTS)
    sent = [threads.submit(send, number) for number in range(LETTERS)]
    threads.shutdown(wait=False)

    def heard() -> int | None:
        return sum(each.result() for each in sent) if all(each.done() for each in sent) else None

    return Work(heard, unheard)
